package sieve

import (
	"errors"
	"fmt"

	"github.com/foxcpp/go-sieve/lexer"
)

// Problem is something wrong, or worth knowing, at one place of a script.
type Problem struct {
	File string
	// Line and Column count from 1, columns in octets.
	Line, Column int
	Text         string
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// maxProblems is how many errors of one script are told.
const maxProblems = 20

// problems gathers what is found in a script.
type problems struct {
	file     string
	errors   []*Problem
	warnings []*Problem
	more     int
}

func (p *problems) at(pos lexer.Position, format string, args ...any) *Problem {
	return &Problem{File: p.file, Line: pos.Line, Column: pos.Col, Text: fmt.Sprintf(format, args...)}
}

func (p *problems) errorf(pos lexer.Position, format string, args ...any) {
	if len(p.errors) == maxProblems {
		p.more++
		return
	}
	p.errors = append(p.errors, p.at(pos, format, args...))
}

func (p *problems) warnf(pos lexer.Position, format string, args ...any) {
	if len(p.warnings) < maxProblems {
		p.warnings = append(p.warnings, p.at(pos, format, args...))
	}
}

// err joins the errors, one a line.
func (p *problems) err() error {
	var all []error
	for _, e := range p.errors {
		all = append(all, e)
	}
	if p.more > 0 {
		all = append(all, fmt.Errorf("%s: and %d more errors", p.file, p.more))
	}
	return errors.Join(all...)
}
