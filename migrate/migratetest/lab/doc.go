// Package lab is what tests and benchmarks against real servers stand on: a Dovecot of their own, a made-up mailbox that looks like a
// person's, a line that delays, and the plainest clients there can be.
//
// The fakes of this module know what their authors knew. A real server is here to disagree, and a raw client to say what a server can do
// at best. Nothing in this package imports the protocol code that it helps to test.
package lab
