package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// layout is mdshm-layout.json.
type layout struct {
	Constants       map[string]constant `json:"constants"`
	Sections        []name              `json:"sections"`
	SegmentStates   []name              `json:"segment_states"`
	FeedStates      []name              `json:"feed_states"`
	InstrumentFlags []name              `json:"instrument_flags"`
	Flags           []name              `json:"flags"`
	Kinds           []kind              `json:"kinds"`
	Structs         map[string]record   `json:"structs"`
	Units           map[string]string   `json:"units"`
}

// constant is a number, written as one or as a string in hexadecimal; as it stands in Go.
type constant string

func (c *constant) UnmarshalJSON(text []byte) error {
	*c = constant(strings.Trim(string(text), `"`))
	return nil
}

// name is a number that has a name.
type name struct {
	Number uint64 `json:"number"`
	Name   string `json:"name"`
	Text   string `json:"text"`
}

type kind struct {
	name
	Fields []field `json:"fields"`
}

type record struct {
	Size   int     `json:"size"`
	Text   string  `json:"text"`
	Fields []field `json:"fields"`
}

type field struct {
	Name   string `json:"name"`
	Offset int    `json:"offset"`
	Size   int    `json:"size"`
	Type   string `json:"type"`
	Count  int    `json:"count"`
	Unit   string `json:"unit"`
	Text   string `json:"text"`
}

// unused says that no client reads the field.
func (f field) unused() bool {
	return f.Unit == "NONE" || f.Unit == "PRIVATE"
}

// text says that the field is a name, not a number.
func (f field) text() bool {
	return f.Unit == "TEXT"
}

func parseLayout(text []byte) (*layout, error) {
	l := new(layout)
	if err := json.Unmarshal(text, l); err != nil {
		return nil, err
	}
	for _, name := range []string{"tick", "feed", "feed_line", "instrument", "counter"} {
		if _, ok := l.Structs[name]; !ok {
			return nil, fmt.Errorf("it has no struct %q", name)
		}
	}
	return l, nil
}

// camel turns bid_px into BidPx, and trade_id into TradeID.
func camel(snake string) string {
	var b strings.Builder
	for _, word := range strings.Split(snake, "_") {
		if word == "id" {
			b.WriteString("ID")
			continue
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}
