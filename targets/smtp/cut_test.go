package smtp

import (
	"fmt"
	"strings"
	"testing"

	"poplift/targets/smtp/smtptest"
)

// TestWireCuts breaks the line after every octet, or every fifth, in either direction, on every connection. Whatever is reported must be so:
// relayed is there once, anything certain is not there at all, and only the uncertain may be there or not.
func TestWireCuts(t *testing.T) {
	t.Parallel()
	for _, lmtp := range []bool{false, true} {
		for _, pipelining := range []bool{true, false} {
			for _, sending := range []bool{true, false} {
				t.Run(fmt.Sprintf("LMTP %v, PIPELINING %v, sending %v", lmtp, pipelining, sending), func(t *testing.T) {
					t.Parallel()
					seen := map[string]int{}
					stride := int64(5)
					if pipelining && !lmtp {
						stride = 1
					}
					for at := int64(0); ; at += stride {
						if at > 3000 {
							t.Fatal("the session never came to its end")
						}
						if cutAt(t, at, lmtp, pipelining, sending, seen) == 0 {
							break
						}
					}
					for _, want := range []string{"not opened", "relayed", "session", "uncertain"} {
						if seen[want] == 0 {
							t.Errorf("%q never happened: %v", want, seen)
						}
					}
				})
			}
		}
	}
}

// cutAt runs one session with two messages, and returns how often it was cut.
func cutAt(t *testing.T, at int64, lmtp, pipelining, sending bool, seen map[string]int) (cuts int) {
	t.Helper()
	s := smtptest.NewUnstartedServer()
	s.LMTP, s.Offer.NoPipelining = lmtp, !pipelining
	s.Cut = func(int) (int64, int64) {
		if sending {
			return at, -1
		}
		return -1, at
	}
	s.Start()
	defer s.Close()
	x, err := Open(t.Context(), config(s))
	if err != nil {
		wantKind(t, err, "session")
		seen["not opened"]++
		return s.Fired("cut")
	}
	outcome := kinds(send(t, x, mails(t, 2)...))
	x.Close()
	s.Close()
	for i, got := range outcome {
		seen[got]++
		here := 0
		for _, m := range s.Taken() {
			if strings.HasSuffix(string(m.Data), letterOf(i+1)) {
				here++
			}
		}
		switch {
		case got == "relayed" && here == 1, got == "session" && here == 0, got == "uncertain" && here <= 1:
		default:
			t.Errorf("cut at %d: message %d is %s, and is there %d times", at, i+1, got, here)
		}
	}
	if cuts = s.Fired("cut"); cuts == 0 && (len(outcome) != 2 || outcome[0] != "relayed" || outcome[1] != "relayed") {
		t.Errorf("nothing was cut, and yet: %q", outcome)
	}
	return cuts
}
