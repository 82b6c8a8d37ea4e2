package mbox

import "strings"

// evidence is all that can be told of a line that begins with "From ".
type evidence struct {
	blank bool // an empty line before it
	line  fromLine
	look  headerLook
}

// verdict is whether a message begins there.
type verdict struct {
	split    bool
	doubtful bool // made or not made, a person should have a look
}

// judge weighs the evidence. Its cases come from real files: Netscape writes no empty line and at times no date; an old Thunderbird writes
// "From " and nothing else, and quotes nothing; Google has left out the date; test mails have no header. And in prose a line begins with
// "From ", and the next one may have a colon.
func (e evidence) judge() verdict {
	two := e.look.fields >= 2 && e.look.known >= 1
	sure := e.look.known >= 2
	switch e.line.shape {
	case shapeDated:
		if e.blank {
			return verdict{split: true, doubtful: e.look.fields == 0}
		}
		return verdict{split: e.look.fields > 0, doubtful: e.look.known == 0}
	case shapeBare, shapeAddress:
		switch {
		case sure || two && e.blank:
			return verdict{split: true, doubtful: !e.blank && e.line.sender == ""}
		case e.blank && e.look.known == 1:
			return verdict{split: true, doubtful: true}
		}
		return verdict{doubtful: e.look.fields > 0}
	case shapeWord:
		if sure || two && e.blank {
			return verdict{split: true, doubtful: true}
		}
	case shapeOdd:
		if sure && (e.blank || strings.Contains(e.line.sender, "@") || e.line.sender == "-") {
			return verdict{split: true, doubtful: true}
		}
	}
	return verdict{doubtful: sure}
}

// doubt is a set of reasons why a split is doubtful.
type doubt uint8

const (
	noBlank doubt = 1 << iota
	noSender
	noDate
	noHeader
	noFromLine
	junkBefore
	noMessage
)

// lacks returns what is missing.
func (e evidence) lacks() (d doubt) {
	if !e.blank {
		d |= noBlank
	}
	if e.line.sender == "" {
		d |= noSender
	}
	if e.line.date.IsZero() {
		d |= noDate
	}
	if e.look.fields == 0 {
		d |= noHeader
	}
	return d
}

func (d doubt) String() string {
	var missing, out []string
	for i, text := range []string{"an empty line before it", "a sender", "a date", "a header after it"} {
		if d&(1<<i) != 0 {
			missing = append(missing, text)
		}
	}
	if len(missing) > 0 {
		out = append(out, "a From_ line without "+strings.Join(missing, ", "))
	}
	for i, text := range []string{
		"a message without a From_ line", "text before the first From_ line is left out", "a From_ line without a message",
	} {
		if d&(noFromLine<<i) != 0 {
			out = append(out, text)
		}
	}
	return strings.Join(out, "; ")
}
