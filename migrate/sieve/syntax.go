package sieve

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"strings"

	"github.com/foxcpp/go-sieve/lexer"
	"github.com/foxcpp/go-sieve/parser"
)

// Bounds of a script. RFC 5228 2.10.7 asks for at least 15 levels of each.
const (
	maxScript  = 1 << 20
	maxTokens  = 1 << 17
	maxNesting = 64
)

var byteOrderMark = []byte("\xef\xbb\xbf")

// parse reads a script into go-sieve's tree, with its tokens. What go-sieve passes over in silence is found here; where it stops without
// saying where, the place is worked out.
func parse(script []byte, p *problems) ([]parser.Cmd, []lexer.Token) {
	script = bytes.TrimPrefix(script, byteOrderMark) // go-sieve takes it for a wrong character
	if len(script) > maxScript {
		p.errorf(lexer.LineCol(1, 1), "the script has more than %d octets", maxScript)
		return nil, nil
	}
	tokens, ok := lex(script, p)
	if !ok || !checkTokens(script, tokens, p) {
		return nil, nil
	}
	cmds, err := parser.Parse(lexer.NewStream(tokens), &parser.Options{MaxBlockNesting: maxNesting, MaxTestNesting: maxNesting})
	if err != nil {
		pos, text := placeOf(err, script)
		p.errorf(pos, "%s", text)
		return nil, nil
	}
	return cmds, tokens
}

// lex calls go-sieve's lexer, whose errors mostly say nothing of where. It reads through a bufio.Reader, and takes ours when it is given
// one, so that what is left in it tells how far it came.
func lex(script []byte, p *problems) ([]lexer.Token, bool) {
	src := bytes.NewReader(script)
	buffered := bufio.NewReader(src)
	tokens, err := lexer.Lex(buffered, &lexer.Options{MaxTokens: maxTokens})
	if err == nil {
		return tokens, true
	}
	at := len(script) - src.Len() - buffered.Buffered()
	if at == len(script) {
		if pos, what := openAtEnd(script); what != "" {
			p.errorf(pos, "%s is never closed", what)
			return nil, false
		}
	}
	pos := positionOf(script, max(at-1, 0))
	if at > 0 && strings.HasPrefix(err.Error(), "unexpected character") {
		p.errorf(pos, "unexpected %q", script[at-1:at])
	} else {
		p.errorf(pos, "%v", err)
	}
	return nil, false
}

// openAtEnd finds out what a script ends in the middle of, by trying what would close it.
func openAtEnd(script []byte) (lexer.Position, string) {
	for _, try := range []struct{ closer, what string }{{`"`, "this string"}, {"\r\n.\r\n", "this text:"}, {"*/", "a comment behind this"}} {
		tokens, err := lexer.Lex(strings.NewReader(string(script)+try.closer), &lexer.Options{MaxTokens: maxTokens})
		if err == nil && len(tokens) > 0 {
			return position(tokens[len(tokens)-1]), try.what
		}
	}
	return lexer.Position{}, ""
}

// checkTokens finds what go-sieve's parser doesn't: it stops at a "}" too many and forgets the rest of the script, takes lists that are
// empty or end in a comma, lets numbers overflow, and its lexer doesn't see a dot that begins the first line of a text: block.
func checkTokens(script []byte, tokens []lexer.Token, p *problems) bool {
	var open []lexer.Token
	lines := linesOf(script)
	for i, t := range tokens {
		var last lexer.Token
		if i > 0 {
			last = tokens[i-1]
		}
		switch t := t.(type) {
		case lexer.BlockStart:
			open = append(open, t)
		case lexer.BlockEnd:
			if len(open) == 0 {
				p.errorf(t.Position, `this "}" closes nothing`)
				return false
			}
			open = open[:len(open)-1]
		case lexer.ListEnd, lexer.TestListEnd:
			switch last.(type) {
			case lexer.Comma:
				p.errorf(position(t), "a list must not end in a comma")
			case lexer.ListStart, lexer.TestListStart:
				p.errorf(position(t), "a list must not be empty")
			}
		case lexer.Number:
			if t.Value > math.MaxInt/t.Quantifier.Multiplier() {
				p.errorf(t.Position, "this number is too large")
			}
		case lexer.String:
			if strings.HasPrefix(t.Text, ".") && bytes.HasPrefix(script[lines.offset(t.Position):], []byte("text:")) {
				p.errorf(t.Position, "the first line of this text: begins with a dot, which isn't understood; write a quoted string")
			}
		}
	}
	if len(open) > 0 {
		p.errorf(position(open[len(open)-1]), `this "{" is never closed`)
		return false
	}
	return len(p.errors) == 0
}

func position(t lexer.Token) lexer.Position {
	line, col := t.LineCol()
	return lexer.LineCol(line, col)
}

// positionOf is the place of an octet.
func positionOf(script []byte, at int) lexer.Position {
	line := script[:min(at, len(script))]
	return lexer.LineCol(bytes.Count(line, []byte("\n"))+1, len(line)-bytes.LastIndexByte(line, '\n'))
}

// lineStarts are the offsets at which the lines of a script begin, and its length.
type lineStarts []int

func linesOf(script []byte) lineStarts {
	out := lineStarts{0}
	for i, c := range script {
		if c == '\n' {
			out = append(out, i+1)
		}
	}
	return append(out, len(script))
}

// offset is where the octet at a place lies; the end of the script for one that isn't there.
func (l lineStarts) offset(pos lexer.Position) int {
	end := l[len(l)-1]
	if pos.Line < 1 || pos.Line >= len(l) {
		return end
	}
	return min(l[pos.Line-1]+max(pos.Col-1, 0), end)
}

// placeOf takes an error of go-sieve's parser apart, which tells the place only in its text, and none at the end of the script. The place is
// that of the word before the fault.
func placeOf(err error, script []byte) (lexer.Position, string) {
	var line, col int
	text := err.Error()
	pos := positionOf(script, max(len(bytes.TrimRight(script, " \t\r\n"))-1, 0))
	if _, scanErr := fmt.Sscanf(text, "%d:%d:", &line, &col); scanErr == nil {
		pos = lexer.LineCol(line, col)
		_, text, _ = strings.Cut(text, ": ")
	}
	if _, fault, ok := strings.Cut(text, ": "); ok {
		text = fault
	}
	return pos, "behind this: " + text
}
