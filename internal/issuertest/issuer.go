// Package issuertest is a small OpenID Connect issuer for tests, on loopback: it
// serves discovery and its keys, signs what it is asked to, and signs whoever
// comes in at once, by authorization code with PKCE.
package issuertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is the issuer. Its methods may be called at any time.
type Issuer struct {
	URL    string
	Client string // the client that may sign people in
	t      testing.TB

	mu       sync.Mutex
	keys     []jose.JSONWebKey // the last signs, all are served
	made     int
	down     bool
	asked    int // times that its keys were
	person   map[string]any
	attempts map[string]url.Values // by code
}

// New starts an issuer with one key.
func New(tb testing.TB) *Issuer {
	tb.Helper()
	i := &Issuer{t: tb, Client: "console", attempts: map[string]url.Values{}}
	i.Rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", i.served)
	mux.HandleFunc("GET /authorize", i.authorize)
	mux.HandleFunc("POST /token", i.token)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		down := i.down
		i.mu.Unlock()
		if down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	tb.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// Rotate has the issuer sign with a new key from now on; the former ones are
// still served.
func (i *Issuer) Rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.made++
	i.keys = append(i.keys, jose.JSONWebKey{Key: key, KeyID: fmt.Sprintf("key-%d", i.made), Algorithm: "ES256", Use: "sig"})
}

// Withdraw has the issuer serve its last key alone.
func (i *Issuer) Withdraw() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = i.keys[len(i.keys)-1:]
}

// Down has the issuer answer nobody, or answer again.
func (i *Issuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Asked is how often its keys were asked for.
func (i *Issuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// Person says as whom the next one signs in: claims of the ID token.
func (i *Issuer) Person(claims map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.person = claims
}

// Token signs claims, for five minutes from now unless they say otherwise. A nil
// claim is left out.
func (i *Issuer) Token(claims map[string]any) string { return i.TokenOfType("JWT", claims) }

// TokenOfType is Token with another type (typ) in its header.
func (i *Issuer) TokenOfType(kind string, claims map[string]any) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := i.keys[len(i.keys)-1]
	return i.Sign(key.Key, jose.ES256, map[jose.HeaderKey]any{"kid": key.KeyID, "typ": kind}, claims)
}

// Sign signs claims with any key and header.
func (i *Issuer) Sign(key any, algorithm jose.SignatureAlgorithm, header map[jose.HeaderKey]any, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, &jose.SignerOptions{ExtraHeaders: header})
	if err != nil {
		i.t.Error(err)
		return ""
	}
	signed, err := signer.Sign(i.Payload(claims))
	if err != nil {
		i.t.Error(err)
		return ""
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		i.t.Error(err)
	}
	return text
}

// Payload is what Token signs.
func (i *Issuer) Payload(claims map[string]any) []byte {
	now := time.Now()
	all := map[string]any{"iss": i.URL, "sub": "alice", "aud": "ringfence", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(all)
	if err != nil {
		i.t.Error(err)
	}
	return payload
}

// PublicKey is that of the key that signs.
func (i *Issuer) PublicKey() crypto.PublicKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1].Public().Key
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer": i.URL, "jwks_uri": i.URL + "/keys", "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
		"end_session_endpoint": i.URL + "/end", "id_token_signing_alg_values_supported": []string{"ES256"},
	})
}

func (i *Issuer) served(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked++
	public := []any{map[string]any{"kty": "OKP", "crv": "X448", "x": "AA", "kid": "of another kind"}}
	for _, k := range i.keys {
		public = append(public, k.Public())
	}
	answer(w, map[string]any{"keys": public})
}

func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("client_id") != i.Client || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "not a request of the client", http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	code := rand.Text()
	i.attempts[code] = q
	denied := i.person == nil
	i.mu.Unlock()
	out := url.Values{"state": q["state"], "code": {code}, "iss": {i.URL}}
	if denied {
		out = url.Values{"state": q["state"], "error": {"access_denied"}}
	}
	back.RawQuery = out.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	code := r.PostFormValue("code")
	i.mu.Lock()
	q, known := i.attempts[code]
	delete(i.attempts, code)
	claims := maps.Clone(i.person)
	i.mu.Unlock()
	verifier := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || base64.RawURLEncoding.EncodeToString(verifier[:]) != q.Get("code_challenge") || r.PostFormValue("redirect_uri") != q.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]any{"error": "invalid_grant"})
		return
	}
	all := map[string]any{"aud": i.Client, "nonce": q.Get("nonce")}
	maps.Copy(all, claims)
	answer(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": 300, "id_token": i.Token(all)})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who does not wait for it is not told
}
