//go:build !unix

package mbox

import "io/fs"

// inode is 0 where a file has no number that can be had from its path.
func inode(fs.FileInfo) uint64 { return 0 }
