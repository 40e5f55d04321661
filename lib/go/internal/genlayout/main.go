// Genlayout writes layout_gen.go and kinds_gen.go: what the published layout of the segment says, as Go.
//
//	genlayout LAYOUT.json FOLDER
//
// Nothing in the Go client knows an offset, a size, the number of a kind or the bit of a flag by itself.
// All of that comes from mdshm-layout.json, which the build writes from the C structs.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func run(layoutPath, folder string) error {
	text, err := os.ReadFile(layoutPath)
	if err != nil {
		return err
	}
	sources, err := generate(text)
	if err != nil {
		return fmt.Errorf("%s: %w", layoutPath, err)
	}
	for name, source := range sources {
		if err := os.WriteFile(filepath.Join(folder, name), source, 0o666); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: genlayout LAYOUT.json FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "genlayout:", err)
		os.Exit(1)
	}
}
