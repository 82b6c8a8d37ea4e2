// Package route says where the folders of mail clients go on a target: a pure function of the folders, the target's layout and the user's rules. It is
// for the engine, which asks it for every session, and for whoever wants to show or change the plan before.
//
// # What decides, in this order
//
//  1. What the user includes and excludes. A pattern means a folder and all that lies below it.
//  2. The user's map. What lies below a mapped folder goes along, unless a rule of its own says otherwise; so does a folder with a role.
//  3. The folder's role. It is what the client says the folder is; else what its name says, in any of the languages that mail programs speak, if the folder
//     stands at the top or right below INBOX or [Gmail]. The target's folder of that role is the one that it marks (SPECIAL-USE, RFC 6154); else one that
//     is called so; else one is made under the name that it has in the source. What lies below goes along (Sent/2019).
//  4. The same name.
//
// With Options.Into the roles aren't looked at: everything goes below one folder, INBOX becomes that folder itself.
//
// # Roles by name
//
// Whole names only, with case folded and in NFC; never a likeness. The mailbox's other names vote: a word isn't believed when more of them speak a
// language that hasn't got it, since mail taken for trash by mistake is lost in a month. English is believed under every language. Eight words that can
// mean two things are never believed. A name counts for one folder of a source, and for none if the client gave that role to another folder; the
// folders that lose keep their names. What the client says counts for all folders it says it of, so that the sent mail of its accounts comes together.
// An outbox goes to a folder called Outbox, and never looks like sent mail.
//
// # Who shares a folder
//
// Only folders that a rule brings together: the map, a role, Into; the same path in two sources, or in two writings of one Unicode text; and a folder
// whose name tells a role and is the name of that role's folder on the target. All others are kept apart, also where names differ only in what a server
// may not tell apart (case, composition), with a mark that depends on the folder's path alone ("work-be7d08f0").
//
// # Names that a target doesn't take
//
// The delimiter in a name, what the target refuses, wildcards, control characters, blanks and dots at the ends are written with characters that look
// alike, so that they can be read back (see speller). Names that are too long are cut and marked. Where a folder can hold no others, as with
// no delimiter at all, those below are put beside it as "Sent›2019"; where it can hold no mail, the mail goes into a folder of the same name inside.
// Folders that are there already are used under the name they have.
//
// # A second run
//
// The answer doesn't depend on the order of the folders, nor on what a run before has made: folders that are there count only as far as this
// run wouldn't make them itself. Whoever has a folder of exactly its name keeps it when folders come later whose names are alike.
//
// # Patterns and rules
//
// A rule is LEFT=RIGHT. On the left stands a folder of the source, with "/" between names; INBOX is the inbox. "*" stands for any part of one name, "**"
// alone for any number of names, none included. A role behind a blank (`Drafts \Outbox`), or alone (`\Trash`), narrows it to folders that are
// that. A name is compared as it stands first, then with case folded and composed; a rule that names one folder goes before patterns; among patterns the
// first counts. On the right stands one of
//
//	Old/Work       a folder, with "/" between names whatever the target has; "*" and "**" are what they stood for on the left, in order
//	\Sent/2019     the same below the target's folder of a role
//	"INBOX.Old"    the target's own name, exactly; with \Sent behind it, made as the folder for that where it is missing
//	-              nothing: the folder is left out
//
// A rule that would give an empty name doesn't apply. A backslash takes the meaning from one of \ / * = # " [ ] - and the blank; \x0A is an octet, \e
// an empty name. Blanks around names don't count. In a file "#" at the beginning or behind a blank begins a comment, and [SOURCE] stands before
// rules for one source.
package route
