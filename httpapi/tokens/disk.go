package tokens

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// maxFile bounds a file of tokens, in bytes: it is read into memory.
const maxFile = 16 << 20

// readFile reads a file of tokens. What is no regular file may have no end.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("token file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("token file %s: it is no regular file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("token file %s: it has %d bytes, and may have %d", path, info.Size(), maxFile)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("token file: %w", err)
	}
	return content, nil
}

// lock keeps others who change files of tokens in a directory away until release.
func lock(dir string) (release func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil // which ends the lock
}

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
