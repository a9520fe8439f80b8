package console

import (
	"encoding/json"
	"net/http"
)

// problem is what the console itself refuses, in the API's form (RFC 9457).
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Code     string `json:"code"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"`
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	writeJSON(w, status, "application/problem+json", problem{"about:blank", http.StatusText(status), status, code, detail, r.URL.Path})
}

func writeJSON(w http.ResponseWriter, status int, mediaType string, v any) {
	body, err := json.Marshal(v)
	if err != nil { // nothing that we write is so
		http.Error(w, "not JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // who does not wait for it is not told
}
