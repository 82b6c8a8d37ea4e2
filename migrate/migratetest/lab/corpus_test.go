package lab

import (
	"bytes"
	"slices"
	"testing"
)

// TestCorpusIsWhatItSays: a benchmark or a test on a mailbox without dirt would measure, or show, less than it claims.
func TestCorpusIsWhatItSays(t *testing.T) {
	const n = 1000
	mail := slices.Collect(Corpus(n, 7))
	same := func(a, b Message) bool { return bytes.Equal(a.Raw, b.Raw) && a.Date.Equal(b.Date) && a.Twin == b.Twin }
	if !slices.EqualFunc(mail, slices.Collect(Corpus(n, 7)), same) {
		t.Error("the same seed makes other octets")
	}
	if slices.EqualFunc(mail, slices.Collect(Corpus(n, 8)), same) {
		t.Error("another seed makes the same octets")
	}
	count := map[string]int{}
	seen := map[string]bool{}
	var sizes []int
	for _, m := range mail {
		sizes = append(sizes, len(m.Raw))
		header, body, _ := bytes.Cut(m.Raw, []byte("\r\n\r\n"))
		for trait, has := range map[string]bool{
			"twin": m.Twin, "no Message-ID": !bytes.Contains(header, []byte("Message-ID")), "no Received": !bytes.Contains(header, []byte("Received")),
			"8-bit header": eightBit(header), "8-bit body": eightBit(body), "dots": bytes.Contains(body, []byte("\r\n.")),
			"endless": !bytes.HasSuffix(m.Raw, []byte("\r\n")), "long line": len(bytes.SplitN(body, []byte("\r\n"), 2)[0]) > 2000,
		} {
			if has {
				count[trait]++
			}
		}
		if m.Twin != seen[string(m.Raw)] {
			t.Errorf("a message says that it is a twin: %v; its octets were there: %v", m.Twin, !m.Twin)
		}
		seen[string(m.Raw)] = true
		if !bytes.Equal(ToCRLF(m.Raw), m.Raw) {
			t.Error("a line ends without CR")
		}
	}
	t.Log(count)
	if count["twin"] != 12 || len(count) != 8 {
		t.Errorf("traits of %d messages: %v", n, count)
	}
	slices.Sort(sizes)
	if median := sizes[n/2]; median < 11_000 || median > 18_000 || sizes[n-1] < 300_000 {
		t.Errorf("median %d octets, largest %d", median, sizes[n-1])
	}
}

func eightBit(b []byte) bool { return bytes.ContainsFunc(b, func(r rune) bool { return r > 127 }) }
