require ["fileinto", "reject", "vacation", "notify", "envelope", "body", "relational", "regex", "subaddress", "copy", "mailbox", "mboxmetadata", "servermetadata", "date", "index", "comparator-i;ascii-numeric", "variables", "imap4flags", "editheader", "duplicate", "vacation-seconds"];

### 3. Sieve generated for spam protection
if not header :matches "X-Spam-Known-Sender" "yes*" {
  if
    allof(
    header :contains "X-Backscatter" "yes",
    not header :matches "X-LinkName" "*"
    )
  {
    fileinto "\\Junk";
    stop;
  }
  if header :value "ge" :comparator "i;ascii-numeric" "X-Spam-score" "5" {
    fileinto "\\Junk";
    stop;
  }
}

### 6. Sieve generated for calendar preferences
if header :is "X-ME-Cal-Method" "request" {
  notify :method "addcal";
}

### Custom: one folder a list, one folder an alias
if header :matches "List-Id" "*<*.*>" {
  set :lower "list" "${2}";
  fileinto :create "INBOX.Lists.${list}";
  stop;
}
if address :matches :detail ["To", "Cc", "X-Delivered-To"] "?*" {
  fileinto "INBOX.Alias.${0}";
  stop;
}
if header :regex "Subject" "ticket #?([0-9]+)" {
  fileinto "INBOX.Tickets.${1}";
  stop;
}
