package kmail

import "poplift/migrate"

// Status are the bits that KMail has for a message (messagestatus.cpp).
type Status uint32

const (
	statusNew       Status = 1 << 0
	statusUnread    Status = 1 << 1
	statusDeleted   Status = 1 << 4
	statusReplied   Status = 1 << 5
	statusForwarded Status = 1 << 6
	statusQueued    Status = 1 << 7
	statusFlag      Status = 1 << 9
	statusIgnored   Status = 1 << 11
	statusSpam      Status = 1 << 13
	statusHam       Status = 1 << 14
	statusRead      Status = 1 << 2
)

// Deleted says that the message was thrown away and is not purged yet.
func (s Status) Deleted() bool { return s&statusDeleted != 0 }

// Queued says that the message waits to be sent.
func (s Status) Queued() bool { return s&statusQueued != 0 }

// Flags are the bits in the words of IMAP. What is neither new nor unread was read, and what is ignored counts as read.
func (s Status) Flags() []migrate.Flag {
	var out []migrate.Flag
	if s&(statusNew|statusUnread) == 0 || s&(statusRead|statusIgnored) != 0 {
		out = append(out, migrate.Seen)
	}
	for _, b := range []struct {
		bit  Status
		flag migrate.Flag
	}{
		{statusReplied, migrate.Answered}, {statusFlag, migrate.Flagged}, {statusForwarded, migrate.Forwarded}, {statusSpam, migrate.Junk},
		{statusHam, migrate.NotJunk},
	} {
		if s&b.bit != 0 {
			out = append(out, b.flag)
		}
	}
	return out
}

// fromLegacy reads the status of KMail before KDE 3.2, which had one letter for all.
func fromLegacy(n uint64) Status {
	switch n {
	case 'N':
		return statusNew
	case 'U':
		return statusUnread
	case 'R', 'O', 'S':
		return statusRead
	case 'D':
		return statusRead | statusDeleted
	case 'A':
		return statusRead | statusReplied
	case 'F':
		return statusRead | statusForwarded
	case 'Q':
		return statusRead | statusQueued
	case 'G':
		return statusRead | statusFlag
	}
	return 0
}
