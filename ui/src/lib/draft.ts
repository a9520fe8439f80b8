// What was typed and not saved, kept while the tab is open.
import {useEffect, useState} from 'react'

const prefix = 'ringfence-draft '

function read<T>(key: string): T | null {
  try {
    const v = sessionStorage.getItem(key)
    return v === null ? null : (JSON.parse(v) as T)
  } catch {
    return null
  }
}

function write(key: string, value: unknown) {
  try {
    if (value === null) sessionStorage.removeItem(key)
    else sessionStorage.setItem(key, JSON.stringify(value))
  } catch {
    // not kept then
  }
}

/** Forgets what was typed: it is of whoever typed it. */
export function forgetDrafts() {
  try {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(prefix)) sessionStorage.removeItem(key)
  } catch {
    // nothing was kept then
  }
}

/** State that outlives its component. clear forgets it, once it is saved or given up. */
export function useDraft<T>(name: string, initial: T) {
  const key = prefix + name
  const [value, setValue] = useState<T>(() => read<T>(key) ?? initial)
  const [found] = useState(() => read<T>(key) !== null)
  const changed = JSON.stringify(value) !== JSON.stringify(initial)
  useEffect(() => write(key, changed ? value : null), [key, value, changed])
  const clear = () => {
    write(key, null)
    setValue(initial)
  }
  return {value, set: setValue, clear, found: found && changed, changed}
}
