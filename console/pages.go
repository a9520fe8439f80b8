package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// static holds the page of a program without a console, and in built/, if there
// was Node when the program was made, what was built of ui/.
//
//go:embed all:static
var static embed.FS

// built is what was built of ui/, nil if nothing was.
func built() fs.FS {
	files, err := fs.Sub(static, "static/built")
	if err != nil {
		return nil
	}
	if _, err := fs.Stat(files, indexFile); err != nil {
		return nil
	}
	return files
}

const (
	indexFile = "index.html"
	// assets are files with a hash of their content in their names.
	assets = "assets/"
)

// pages are the files of the console.
type pages struct {
	files map[string]*file // by path below /ui/
}

// file is one that is served.
type file struct {
	mediaType string
	etag      string
	body      []byte
	gzipped   func() []byte // nil if that is not worth it
}

func newPages(files fs.FS) *pages {
	p := &pages{files: map[string]*file{}}
	if files == nil {
		return p
	}
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error { // from memory
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err == nil {
			p.files[name] = newFile(name, body)
		}
		return err
	})
	return p
}

// mediaTypes are told here, for what mime knows depends on the machine.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".json": "application/json", ".txt": "text/plain; charset=utf-8", ".png": "image/png", ".ico": "image/x-icon", ".woff2": "font/woff2",
}

func newFile(name string, body []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{mediaType: mediaTypes[path.Ext(name)], etag: `"` + hex.EncodeToString(sum[:12]) + `"`, body: body}
	if f.mediaType == "" {
		f.mediaType = "application/octet-stream"
	}
	if t, _, _ := mime.ParseMediaType(f.mediaType); strings.HasPrefix(t, "text/") || t == "image/svg+xml" || t == "application/json" {
		f.gzipped = sync.OnceValue(func() []byte { return compress(body) })
	}
	return f
}

func compress(body []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // which is a level
	_, _ = z.Write(body)                                    // into memory
	_ = z.Close()
	return out.Bytes()
}

// serve answers with the file of the path. What is no file is a page, and pages
// are made by the script in index.html.
func (p *pages) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, r, http.StatusMethodNotAllowed, "method-not-allowed", "pages are read")
		return
	}
	index := p.files[indexFile]
	if index == nil {
		missing(w)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, root)
	f := p.files[name]
	switch {
	case f == nil && strings.HasPrefix(name, assets):
		refuse(w, r, http.StatusNotFound, "not-found", "there is no such file; the console may have been replaced by another version: load the page anew")
		return
	case f == nil:
		f = index
	}
	h := w.Header()
	switch {
	case f == index:
		h.Set("Cache-Control", "no-store")
	case strings.HasPrefix(name, assets):
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		h.Set("Cache-Control", "no-cache")
	}
	f.write(w, r)
}

func (f *file) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("ETag", f.etag)
	body := f.body
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			h.Set("ETag", strings.TrimSuffix(f.etag, `"`)+`-gz"`)
			body = f.gzipped()
		}
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func takesGzip(r *http.Request) bool {
	return slices.ContainsFunc(strings.Split(r.Header.Get("Accept-Encoding"), ","), func(e string) bool {
		return strings.TrimSpace(e) == "gzip" // with a weight it may be refused: then it is not worth the trouble
	})
}

// missing says how to get a console.
func missing(w http.ResponseWriter) {
	body, _ := static.ReadFile("static/missing.html") // embedded
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(body) // who does not wait for it is not told
}
