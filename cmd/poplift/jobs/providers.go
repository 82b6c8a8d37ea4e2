package jobs

import "time"

// MB is how providers count.
const mb = 1000 * 1000

// Providers returns all of them. Every figure has its source beside it; where no source was found, there is no figure.
//
// FAQ.* are files of https://imapsync.lamiral.info/FAQ.d/, OWNER/REPO#N issues on GitHub, "lab" the servers of this project's own lab (Debian 12).
// "(memory)" marks what was not looked up again when this was written; no figure rests on it.
func Providers() []Provider {
	return []Provider{{
		Name: "gmail", Title: "Gmail",
		Hosts: []string{"imap.gmail.com", "pop.gmail.com", "imap.googlemail.com", "pop.googlemail.com"},
		IMAP: Budget{
			UserConnections: 15,        // https://support.google.com/mail/answer/97150, quoted in imapsync/imapsync#61 and zone-eu/wildduck#35
			UploadPerDay:    500 * mb,  // https://support.google.com/a/answer/1071518 "Upload via IMAP 500 MB"
			DownloadPerDay:  2500 * mb, // the same page, "Download via IMAP 2500 MB"
		},
		POP3: Budget{
			DownloadPerDay: 1250 * mb, // the same page, "Download via POP 1250 MB"
		},
		MaxMessage: 35651584, // APPENDLIMIT, FAQ.Gmail
		Hints: []string{
			"Passwords: two-step verification must be on, and an app password is needed (https://support.google.com/accounts/answer/185833); or OAuth.",
			// https://support.google.com/mail/answer/6089246; 250 to 300 in practice: node-pop3#2, sylpheed#30
			"POP3 shows about 250 of the oldest messages at a time, the next ones in the next session: a maildrop needs many sessions to become empty.",
			// limilabs.com/blog/gmail-pop3-behavior
			"POP3 never lists again what was read before QUIT; \"enable POP for all mail\" in Gmail's settings starts anew. recent:USER shows the last 30 days.",
			// import-mailbox-to-gmail#56, FAQ.Gmail
			"As a target it stores one of messages with the same Message-ID, whatever their content, and adds labels.",
		},
	}, {
		Name: "microsoft365", Title: "Microsoft 365 and Outlook.com",
		Hosts: []string{"outlook.office365.com", "outlook.office.com", "imap-mail.outlook.com", "pop-mail.outlook.com", "imap.outlook.com",
			"pop.outlook.com"},
		IMAP: Budget{
			UserConnections:   20, // mscdex/node-imap#523
			MessagesPerSecond: 4,  // what imapsync --office2 keeps to, FAQ.Office365
		},
		OAuthOnly: true, // since October 2022, FAQ.Office365 R4
		Hints: []string{
			// IMAP.AccessAsApp, POP.AccessAsApp: https://itcs.com.pk/start-using-oauth-for-office-365-pop-imap-authentication and (memory)
			"Log-ins take OAuth only (XOAUTH2): say token: cmd:COMMAND. An application with the permission IMAP.AccessAsApp serves a whole tenant.",
			// imapsync/imapsync#198, #272; lifted for 90 days: FAQ.Office365
			"It throttles (\"Suggested Backoff Time\"); for a big move ask Microsoft to lift the limits for 90 days.",
			// FAQ.Office365
			"IMAP must be enabled for each mailbox; administrators' own mailboxes can't be opened by IMAP; a folder can't be called Files.",
			// FAQ.Office365: 45 MB by default, 150 MB at most
			"Messages above 45 MB are refused until the tenant raises MaxReceiveSize (150 MB at most). Lines above 10,500 octets are refused.",
		},
	}, {
		Name: "yahoo", Title: "Yahoo Mail",
		Hosts: []string{"*.mail.yahoo.com", "export.imap.yahoo.com"},
		IMAP: Budget{
			UserConnections: 5, // https://support.getmailbird.com/hc/en-us/articles/16298148976279
		},
		MaxMessage: 25 * mb, // FAQ.Yahoo
		Hints: []string{
			"Passwords: an app password is needed.", // FAQ.Yahoo
			// FAQ.Yahoo
			"imap.mail.yahoo.com has 10,000 messages of a folder at most, export.imap.mail.yahoo.com 100,000.",
			// postalsys/imapflow#75
			"It answers NO [LIMIT] when commands come too fast.",
		},
	}, {
		Name: "aol", Title: "AOL Mail",
		Hosts: []string{"imap.aol.com", "pop.aol.com", "export.imap.aol.com", "imap.verizon.net", "pop.verizon.net"},
		Hints: []string{
			"POP3 may not offer UIDL; messages are then told apart by their content, and each run reads them all.", // neomutt/neomutt#1427
		},
	}, {
		Name: "icloud", Title: "iCloud Mail",
		Hosts: []string{"imap.mail.me.com", "*.imap.mail.me.com"},
		IMAP: Budget{
			UserConnections: 47, // hilli/imapsync-go met a wall at 48
		},
		MaxMessage: 20 * mb, // https://support.apple.com/102198
		NoPOP3:     true,    // https://support.apple.com/102525 has IMAP and SMTP only (memory)
		Hints: []string{
			"Passwords: an app-specific password is needed (https://support.apple.com/kb/HT204397).", // FAQ.iCloud
			"A message may take a while to show after it was stored.",                                // jstedfast/MailKit#1551
		},
	}, {
		Name: "fastmail", Title: "Fastmail",
		Hosts: []string{"imap.fastmail.com", "pop.fastmail.com", "imaps-proxy.fastmail.com", "pops-proxy.fastmail.com"},
		Hints: []string{
			"Passwords: an app password is needed.", // (memory)
			"What it takes at most is fair use, told by mail when it is reached (https://www.fastmail.com/help/account/limits.html).",
		},
	}, {
		Name: "zoho", Title: "Zoho Mail",
		Hosts: []string{"imap.zoho.com", "pop.zoho.com", "imappro.zoho.com", "poppro.zoho.com",
			"imap.zoho.eu", "pop.zoho.eu", "imappro.zoho.eu", "poppro.zoho.eu"},
		Hints: []string{
			"IMAP is blocked for a time when its use looks unusual (https://www.zoho.com/mail/help/usage-policy.html): move few accounts at once.",
		},
	}, {
		Name: "ovh", Title: "OVH",
		Hosts: []string{"ssl0.ovh.net", "*.mail.ovh.net", "pop.ovh.net", "pop3.ovh.net", "imap.ovh.net"},
		POP3: Budget{
			LoginInterval: 60 * time.Second, // http://help.ovh.co.uk/EmailPopTooOften
		},
	}, {
		Name: "gmx", Title: "GMX and WEB.DE",
		Hosts: []string{"pop.gmx.net", "imap.gmx.net", "pop.gmx.com", "imap.gmx.com", "pop3.web.de", "imap.web.de"},
		Hints: []string{
			"POP3 and IMAP must be switched on in the account's settings first.",                             // (memory)
			"QUIT may be answered with an error when messages were to be deleted; the next run looks again.", // jens-maus/yam#210
		},
	}, {
		Name: "163", Title: "NetEase 163",
		Hosts: []string{"pop.163.com", "imap.163.com", "pop.126.com", "imap.126.com"},
		Hints: []string{
			"POP3 stops after so many messages a session (\"Download exceed\"); the next run goes on.", // zhyq0826/zmail#115
		},
	}, {
		Name: "qq", Title: "QQ Mail",
		Hosts: []string{"pop.qq.com", "imap.qq.com", "pop.exmail.qq.com", "imap.exmail.qq.com"},
		Hints: []string{
			"POP3 shows the last 30 days unless the account's settings say otherwise.", // zhyq0826/zmail#62
		},
	}, {
		Name: "cpanel", Title: "cPanel",
		// https://docs.cpanel.net/whm/service-configuration/mailserver-configuration/: 20 and 3 by default "per IP address". They are Dovecot's
		// mail_max_userip_connections, which counts for each user and address.
		IMAP:  Budget{UserConnections: 20},
		POP3:  Budget{UserConnections: 3},
		Hints: []string{"Many hosts block an address after a few refused log-ins (cPHulk): run check first, with --limit."}, // (memory)
	}, {
		Name: "dovecot", Title: "Dovecot",
		// mail_max_userip_connections of doveconf -d, Dovecot 2.3.19.1 (lab).
		IMAP: Budget{UserConnections: 10},
		POP3: Budget{UserConnections: 10},
		// The lab logs in as user1*master.
		Hints: []string{"With a master user no passwords are needed: login: \"{{.User}}*MASTER\"."},
	}, {
		Name: "courier", Title: "Courier",
		IMAP: Budget{Connections: 20},                                 // MAXPERIP in /etc/courier/imapd, 5.0.13 (lab)
		POP3: Budget{Connections: 4, LoginInterval: 10 * time.Second}, // MAXPERIP in /etc/courier/pop3d; CAPA says LOGIN-DELAY 10 (lab)
	}, {
		Name: "cyrus", Title: "Cyrus",
		// imapd.conf(5) 3.6.1: maxlogins_per_host and maxlogins_per_user are 0, no limit, by default.
		Hints: []string{
			"With an account in proxyservers no passwords are needed: login: PROXY and authzid: \"{{.User}}\" (imapd.conf(5)).",
			"It refuses messages with NULs or broken headers; they are leftovers.", // cyrusimap/cyrus-imapd#823, #721, and the lab
		},
	}, {
		Name: "exchange", Title: "Exchange Server",
		IMAP: Budget{UserConnections: 16}, // https://learn.microsoft.com/previous-versions/office/exchange-server-2010/bb123712(v=exchg.141)
		Hints: []string{
			"It stores messages rewritten, and refuses those above 10 MB by default (FAQ.Exchange).",
		},
	}}
}
