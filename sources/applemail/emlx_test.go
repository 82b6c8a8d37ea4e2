package applemail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// plist is a property list as the program writes it.
func plist(pairs ...string) string {
	s := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n" +
		"<plist version=\"1.0\">\n<dict>\n"
	for i := 0; i < len(pairs); i += 2 {
		s += "\t<key>" + pairs[i] + "</key>\n\t" + pairs[i+1] + "\n"
	}
	return s + "</dict>\n</plist>\n"
}

func flagsList(flags, received int64) string {
	return plist("conversation-id", "<integer>7</integer>", "date-received", fmt.Sprintf("<integer>%d</integer>", received),
		"flags", fmt.Sprintf("<integer>%d</integer>", flags), "remote-id", "<string>9</string>")
}

func emlxFile(message, list string) string {
	return fmt.Sprintf("%-10d\n%s%s", len(message), message, list)
}

func TestPropertyLists(t *testing.T) {
	when := time.Date(2013, 3, 29, 23, 9, 6, 0, time.UTC)
	for name, list := range map[string]string{
		"xml": plist("flags", "<integer>8590195713</integer>", "nested", "<dict><key>flags</key><integer>1</integer></dict>", "list",
			"<array><integer>1</integer><dict><key>date-received</key></dict></array>", "empty", "<string/>", "on", "<true/>", "date-received",
			"<date>2013-03-29T23:09:06Z</date>", "real", "<real>1364598546.25</real>", "text", "<string>a &lt;b&gt;</string>"),
		"xml on one line": strings.ReplaceAll(strings.ReplaceAll(plist("flags", "<integer>8590195713</integer>", "real", "<real>1364598546</real>",
			"date-received", "<date>2013-03-29T23:09:06Z</date>"), "\n", ""), "\t", ""),
		"binary": binaryPlist(t, map[string]any{"flags": int64(8590195713), "date-received": when, "real": 1364598546.0, "ключ": "wert",
			"a key that is longer than fifteen characters": int64(5)}),
	} {
		p, err := parsePlist([]byte("\n" + list))
		if err != nil || p.numbers["flags"] != 8590195713 || !p.dates["date-received"].Equal(when) || p.numbers["real"] != 1364598546 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for _, bad := range []string{"", "bplist00", "<plist><dict><key>flags</key><integer>1", "no list", "<array></array>",
		"bplist00" + strings.Repeat("\xff", 40)} {
		if _, err := parsePlist([]byte(bad)); !errors.Is(err, errPlist) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if p, err := parsePlist([]byte("<plist><dict/></plist>")); err != nil || len(p.numbers) > 0 {
		t.Errorf("empty: %v", err)
	}
}

// binaryPlist writes a dictionary in Apple's binary form.
func binaryPlist(t *testing.T, dict map[string]any) string {
	t.Helper()
	var objects [][]byte
	add := func(b []byte) byte { objects = append(objects, b); return byte(len(objects)) }
	sized := func(kind byte, n int) []byte {
		if n < 15 {
			return []byte{kind<<4 | byte(n)}
		}
		return []byte{kind<<4 | 15, 0x10, byte(n)}
	}
	text := func(s string) []byte {
		if strings.IndexFunc(s, func(r rune) bool { return r > 0x7F }) < 0 {
			return append(sized(5, len(s)), s...)
		}
		u := utf16.Encode([]rune(s))
		b := sized(6, len(u))
		for _, c := range u {
			b = binary.BigEndian.AppendUint16(b, c)
		}
		return b
	}
	var keys, values []byte
	for k, v := range dict {
		keys = append(keys, add(text(k)))
		switch v := v.(type) {
		case int64:
			values = append(values, add(binary.BigEndian.AppendUint64([]byte{0x13}, uint64(v))))
		case float64:
			values = append(values, add(binary.BigEndian.AppendUint64([]byte{0x23}, math.Float64bits(v))))
		case time.Time:
			values = append(values, add(binary.BigEndian.AppendUint64([]byte{0x33}, math.Float64bits(float64(v.Unix()-epoch2001)))))
		case string:
			values = append(values, add(text(v)))
		}
	}
	top := append(append(sized(0xD, len(keys)), keys...), values...)
	out := []byte("bplist00")
	var offsets []byte
	for _, o := range append([][]byte{top}, objects...) {
		offsets = binary.BigEndian.AppendUint16(offsets, uint16(len(out)))
		out = append(out, o...)
	}
	table := len(out)
	out = append(out, offsets...)
	out = append(out, 0, 0, 0, 0, 0, 0, 2, 1)
	for _, n := range []int{len(objects) + 1, 0, table} {
		out = binary.BigEndian.AppendUint64(out, uint64(n))
	}
	return string(out)
}

func TestFlagBits(t *testing.T) {
	for n, want := range map[int64]string{
		0: "[]", 1: `[\Seen]`, 8590195713: `[\Seen]`, 8623489089: `[\Seen $NotJunk]`, 1<<2 | 1<<4 | 1<<8: `[\Answered \Flagged $Forwarded]`,
		1 << 24: "[$Junk]", 1<<1 | 1<<40: "[]", -1 << 63: "[]",
	} {
		if got := fmt.Sprint(flagsOf(n)); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestTheEpochIsToldByTheHeader(t *testing.T) {
	header := time.Date(2013, 3, 29, 23, 9, 6, 0, time.UTC)
	for _, c := range []struct {
		n      int64
		header time.Time
		want   int
	}{
		{1364598546, header, 2013},
		{1364598546 - epoch2001, header, 2013},
		{1364598546, time.Time{}, 2013},
		{1364598546 - epoch2001, time.Time{}, 2013},
		{915148800, time.Date(1999, 1, 2, 0, 0, 0, 0, time.UTC), 1999}, // imported mail that is older than the program
	} {
		if got := rightEpoch(c.n, c.header); got.Year() != c.want {
			t.Errorf("%d with %v: %v", c.n, c.header, got)
		}
	}
}

func TestDamagedEmlx(t *testing.T) {
	message := "Date: Fri, 29 Mar 2013 23:09:06 +0000\nSubject: x\n\ny\n"
	for name, c := range map[string]struct {
		file string
		want error
	}{
		"whole":        {emlxFile(message, flagsList(1, 1364598546)), nil},
		"no list":      {emlxFile(message, ""), errProperties},
		"bad list":     {emlxFile(message, "<plist><dict><key>fl"), errProperties},
		"cut off":      {emlxFile(message, "")[:30], errAny},
		"no length":    {message, errAny},
		"negative":     {"-5\n" + message, errAny},
		"huge":         {"99999999999999999999\n" + message, errAny},
		"empty":        {"", errAny},
		"length alone": {"12\n", errAny},
	} {
		e, err := readEmlx(strings.NewReader(c.file), int64(len(c.file)))
		if c.want == errAny && (err == nil || errors.Is(err, errProperties)) || c.want != errAny && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if c.want == nil && (e.size != int64(len(message)) || e.received().Year() != 2013) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

var errAny = errors.New("any")

func FuzzEmlx(f *testing.F) {
	message := "Date: Fri, 29 Mar 2013 23:09:06 +0000\nSubject: x\n\ny\n"
	f.Add([]byte(emlxFile(message, flagsList(1, 1364598546))))
	f.Add([]byte(emlxFile(partialMessage, "<plist>")))
	f.Add([]byte("3\nabc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := readEmlx(bytes.NewReader(b), int64(len(b)))
		if err != nil && !errors.Is(err, errProperties) {
			return
		}
		if e.start+e.size > int64(len(b)) {
			t.Errorf("%d + %d > %d", e.start, e.size, len(b))
		}
		e.received()
		checkHoles(t, b[e.start:e.start+e.size])
	})
}

func FuzzPlist(f *testing.F) {
	f.Add([]byte(flagsList(8590195713, 1364598546)))
	f.Add([]byte(plist("a", "<dict><array></dict>", "b", "<date>x</date>")))
	f.Add([]byte(binaryPlist(&testing.T{}, map[string]any{"flags": int64(1), "date-received": time.Unix(1364598546, 0), "x": 1.5, "ы": "y"})))
	f.Fuzz(func(t *testing.T, b []byte) {
		parsePlist(b)
	})
}
