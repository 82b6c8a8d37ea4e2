require ["body","comparator-i;ascii-numeric","copy","date","envelope","fileinto","imap4flags","reject","relational","vacation"];
# EDITOR Roundcube (Managesieve)
# rule:[Spam]
if anyof (header :contains "X-Spam-Flag" "YES", header :value "ge" :comparator "i;ascii-numeric" "X-Spam-Score" "8")
{
	setflag "\\Seen";
	fileinto "Junk";
	stop;
}
# rule:[Newsletters, disabled]
if false # header :contains "Subject" "newsletter"
{
	fileinto "Never";
	stop;
}
# rule:[Boss]
if address :all :is "from" "boss@example.com"
{
	addflag "\\Flagged";
	fileinto :copy "Work/Boss";
}
# rule:[Team]
if allof (address :domain :is "from" "example.com", not header :contains "subject" ["[test]","[ci]"])
{
	fileinto "Work";
	stop;
}
# rule:[Build logs]
if allof (header :matches "subject" "[ci]*", size :over 1K)
{
	discard;
	stop;
}
# rule:[Away]
if allof (currentdate :value "ge" "date" "2020-07-01", currentdate :value "le" "date" "2020-07-31")
{
	vacation :days 1 :addresses ["me@example.org"] :subject "Away" text:
I am away until August.
..
.
;
}
# rule:[Invoices]
if body :text :contains "invoice"
{
	addflag "$label1";
	keep;
	stop;
}
# rule:[Too large]
if size :over 5000K
{
	reject "Too large for me.";
}
