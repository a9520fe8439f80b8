// Whether the server is there. A lost one is asked again until it answers.
import {useSyncExternalStore} from 'react'

let lost = false
let timer: ReturnType<typeof setTimeout> | undefined
const listeners = new Set<() => void>()

function set(value: boolean) {
  if (lost === value) return
  lost = value
  listeners.forEach((f) => f())
  clearTimeout(timer)
  if (lost) timer = setTimeout(ping, 2000)
}

async function ping() {
  try {
    await fetch('/ui/session', {headers: {'X-Ringfence-Console': '1'}})
    set(false)
  } catch {
    timer = setTimeout(ping, 3000)
  }
}

export const serverLost = () => set(true)
export const serverHeard = () => set(false)

export function useLost(): boolean {
  return useSyncExternalStore(
    (f) => (listeners.add(f), () => listeners.delete(f)),
    () => lost,
  )
}
