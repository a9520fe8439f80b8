/** The mark of Ringfence: a ring with a gate, and what it guards. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <path d="M20.2 8.2A9 9 0 1 0 21 12" fill="none" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />
      <circle cx="12" cy="12" r="3.6" fill="currentColor" />
    </svg>
  )
}
