import {useEffect, useState} from 'react'

import {common as t} from '../texts'

/** A line to be copied: a command, a link. */
export function Copy({text, label}: {text: string; label?: string}) {
  const [done, setDone] = useState(false)
  useEffect(() => {
    if (!done) return
    const timer = setTimeout(() => setDone(false), 1500)
    return () => clearTimeout(timer)
  }, [done])
  const copy = () => navigator.clipboard?.writeText(text).then(() => setDone(true), () => {})
  if (label) {
    return (
      <button onClick={copy} title={text}>
        {done ? t.copied : label}
      </button>
    )
  }
  return (
    <div className="copy">
      <code>{text}</code>
      <button className="quiet" onClick={copy} aria-label={`${t.copy}: ${text}`}>
        {done ? t.copied : t.copy}
      </button>
    </div>
  )
}
