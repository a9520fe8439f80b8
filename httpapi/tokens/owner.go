package tokens

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// likeBefore gives a file the owner and the mode of the one that it replaces, if
// there is one: root writes what a service's user has to read.
func likeBefore(f *os.File, path string) error {
	before, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if owner, ok := before.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(before.Mode().Perm())
}
