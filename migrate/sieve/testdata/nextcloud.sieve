### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###
require "date";
require "relational";
require "vacation";
require "variables";
### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###

require "fileinto";

if address "From" "marketing@company.example" {
    fileinto "INBOX.marketing";
}

### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###
# DATA: {"version":1,"enabled":true,"subject":"Re: ${subject}"}
set "subject" "";
if header :matches "subject" "*" {
	set "subject" "${1}";
}
if currentdate :value "ge" "iso8601" "2022-09-01T23:00:00Z" {
	vacation :days 4 :subject "Re: ${subject}" :addresses ["Me <me@company.example>", "Alias <alias@company.example>"] "I'm on vacation.
\"Hello, World!\"
\\ escaped backslash";
}
### Nextcloud Mail: Vacation Responder ### DON'T EDIT ###
