//go:build !race

package main

// raceDetector says that the tests run with -race.
const raceDetector = false
