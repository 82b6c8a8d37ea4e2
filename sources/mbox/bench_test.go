package mbox

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"testing"
)

// generated is an mbox of about size octets: text, base64 and quoted replies.
func generated(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "From joe%d@example.org Mon Jan  5 10:%02d:00 2004\nReceived: from a by b; Mon, 5 Jan 2004 10:00:00 +0000\n", i, i%60)
		fmt.Fprintf(&b, "Message-ID: <%d@example.org>\nFrom: Joe <joe@example.org>\nSubject: number %d\n\n", i, i)
		for j := range 40 + i%400 {
			switch i % 3 {
			case 0:
				b.WriteString("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7R0lGODlhAQABAIAAAAAA\n")
			case 1:
				fmt.Fprintf(&b, "> And then he said, in line %d: From what I hear it is so, and Frodo agreed.\n", j)
			default:
				b.WriteString("A line of prose, of a common length, with nothing remarkable in it but its end.\n")
			}
		}
		b.WriteString(">From here on it is quoted.\n\n")
	}
	return b.Bytes()
}

func BenchmarkScan(b *testing.B) {
	data := generated(64 << 20)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range Scan(context.Background(), bytes.NewReader(data), int64(len(data)), ScanOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkScanFile reads the file that POPLIFT_MBOX names.
func BenchmarkScanFile(b *testing.B) {
	f, err := os.Open(os.Getenv("POPLIFT_MBOX"))
	if err != nil {
		b.Skip(err)
	}
	defer f.Close()
	size, _ := f.Seek(0, io.SeekEnd)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range Scan(context.Background(), f, size, ScanOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		b.ReportMetric(float64(n), "messages")
	}
}

func BenchmarkCopy(b *testing.B) {
	data := generated(16 << 20)
	r := bytes.NewReader(data)
	p := Part{End: int64(len(data)), Variant: RD}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := new(Copier).Copy(io.Discard, r, p, Auto); err != nil {
			b.Fatal(err)
		}
	}
}
