package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func published(t *testing.T) []byte {
	path := os.Getenv("MDSHMD_LAYOUT")
	if path == "" {
		path = "../../../shm/mdshm-layout.json"
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestLayoutIsTheOneGenerated(t *testing.T) {
	sources, err := generate(published(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range sources {
		got, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the layout says: run `go generate` in lib/go", name)
		}
	}
}

// A layout that this program does not understand ends in an error, not in wrong Go.
func TestForeignLayoutIsRefused(t *testing.T) {
	text := string(published(t))
	for _, change := range [][2]string{
		{`"px_none"`, `"px_nil"`},
		{`"counter": {`, `"figure": {`},
		{`"name": "bid_px", "offset": 32, "size": 8, "type": "i64"`,
			`"name": "bid_px", "offset": 32, "size": 8, "type": "decimal"`},
		{`{"number": 2, "name": "snapshot"`, `{"number": 3, "name": "snapshot"`},
		{`"name": "feed", "offset": 40, "size": 4`, `"name": "feed", "offset": 40, "size": 2`},
		{`{`, ``},
	} {
		if !strings.Contains(text, change[0]) {
			t.Errorf("the layout has no %s", change[0])
		}
		if _, err := generate([]byte(strings.Replace(text, change[0], change[1], 1))); err == nil {
			t.Errorf("nobody minds %s", change[1])
		}
	}
}
