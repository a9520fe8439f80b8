package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The files that packages bring are what the servers take, with every setting
// that they have as a comment, too.
func TestExampleConfigurations(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"api", "controller"} {
		example, err := os.ReadFile(filepath.Join("..", "..", "deploy", "etc", server+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		cert, key := selfSigned(t, dir)
		for _, name := range []string{"etcd-ca.pem", "etcd-client.pem", "tls.pem", "oidc-ca.pem"} {
			copyFile(t, cert, filepath.Join(dir, name))
		}
		for _, name := range []string{"etcd-client.key", "tls.key", "oidc.secret"} {
			copyFile(t, key, filepath.Join(dir, name))
		}
		if err := os.WriteFile(filepath.Join(dir, "tokens.json"), testTokens(t), 0o600); err != nil {
			t.Fatal(err)
		}
		here := strings.ReplaceAll(string(example), "/etc/ringfence/", dir+"/")
		all := []string{}
		for line := range strings.Lines(here) {
			if len(line) > 1 && line[0] == '#' && line[1] != ' ' {
				line = line[1:]
			}
			all = append(all, line)
		}
		if strings.Join(all, "") == here {
			t.Errorf("%s.yaml has no setting as a comment: looking for the wrong thing", server)
		}
		for _, text := range []string{here, strings.Join(all, "")} {
			file := filepath.Join(dir, server+".yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := checkFile(server, file); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
