require ["include", "environment", "variables", "relational", "comparator-i;ascii-numeric", "spamtest"];
require ["fileinto", "imap4flags", "vnd.proton.expire"];

# Generated: Do not run this script on spam messages
if allof (environment :matches "vnd.proton.spam-threshold" "*", spamtest :value "ge" :comparator "i;ascii-numeric" "${1}") {
    return;
}

/**
 * @type or
 * @comparator contains
 * @comparator matches
 */
if anyof (header :comparator "i;unicode-casemap" :contains "Subject" ["verify your", "ÜBERWEISUNG"], address :all :comparator "i;unicode-casemap" :matches "From" "*@accounts.example") {
    fileinto "Security";
    fileinto "Labels/Important";
    addflag "\\Flagged";
    expire "day" "30";
    keep;
}
