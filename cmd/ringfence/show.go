package main

import "github.com/ringfence/ringfence/client"

// list prints a list's table, or the API's JSON.
func (s *session) list(meta client.Meta, header []string, rows [][]cell) error {
	if s.out.json {
		s.out.raw(meta.Raw)
		return nil
	}
	s.out.tellStale(meta)
	s.out.table(header, rows)
	return nil
}

// show prints an object's properties, or the API's JSON.
func (s *session) show(meta client.Meta, pairs ...[2]string) error {
	if s.out.json {
		s.out.raw(meta.Raw)
		return nil
	}
	s.out.tellStale(meta)
	s.out.properties(pairs...)
	return nil
}
