// Package report renders what came of a whole run over many accounts: as one HTML page for people, as CSV for a spreadsheet, as JSON for
// programs. It is for `poplift report` and for the commands that end in a report. It is pure: it reads no file and no clock, and the same
// [Data] always makes the same octets.
//
// # Policy
//
//   - The figures must add up: each account's listed messages and octets are the sums of its outcomes. Where they aren't, nothing is hidden or
//     made to fit: the page says so at its top and at the account, JSON and CSV carry the gap.
//   - The page is one file. It asks the network for nothing, and a Content-Security-Policy with the digests of its own style and script forbids
//     it. It can be read and printed without the script, which only filters and sorts.
//   - What mailboxes and servers say is hostile: it is escaped by context (html/template), made visible where it could hide or reorder text, and
//     bounded in length. In CSV, what a spreadsheet would take for a formula is defused.
//   - The page stays small however many accounts there are: folders and problems beyond a bound are counted there and listed in JSON and CSV.
//   - What needs a person comes first, in words: what is wrong, where, and what to do.
package report
