// Command modzip makes the release of a module: files in the layout of a module proxy, so that
// GOPROXY=file://DIR serves it.
//
//	modzip SOURCE MODULE VERSION DIR
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: modzip SOURCE MODULE VERSION DIR")
		os.Exit(2)
	}
	released := module.Version{Path: os.Args[2], Version: os.Args[3]}
	if err := release(os.Args[1], released, os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, "modzip:", err)
		os.Exit(1)
	}
}

func release(source string, released module.Version, into string) error {
	escaped, err := module.EscapePath(released.Path)
	if err != nil {
		return err
	}
	folder := filepath.Join(into, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file := func(ending string) string { return filepath.Join(folder, released.Version+ending) }

	gomod, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{released.Version, time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	archive, err := os.Create(file(".zip"))
	if err != nil {
		return err
	}
	// Files as a proxy would take them: no nested module, no ignored file.
	err = errors.Join(zip.CreateFromDir(archive, released, source), archive.Close())
	return errors.Join(err,
		os.WriteFile(file(".mod"), gomod, 0o644),
		os.WriteFile(file(".info"), info, 0o644),
		os.WriteFile(filepath.Join(folder, "list"), []byte(released.Version+"\n"), 0o644),
	)
}
