// The account's events, followed over lost connections.
import {sseParser} from '../lib/sse'
import {consoleFetch} from './client'
import type {Event} from './types'

export type StreamState = 'connecting' | 'live' | 'lost'

export interface EventHandlers {
  onEvent: (e: Event) => void
  /** History that is not kept any more was missed: everything has to be read again. */
  onGap: () => void
  onState: (s: StreamState) => void
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((done) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), done()), {once: true})
  })

/** Follows until the signal is aborted. */
export async function followEvents(account: string, h: EventHandlers, signal: AbortSignal): Promise<void> {
  let since = ''
  let mark = ''
  let wait = 1000
  while (!signal.aborted) {
    h.onState(wait > 1000 ? 'lost' : 'connecting')
    try {
      const q = new URLSearchParams({...(since ? {since} : {}), ...(mark ? {mark} : {})})
      const r = await consoleFetch(
        new Request(`/ui/api/v1/accounts/${encodeURIComponent(account)}/events?${q}`, {headers: {Accept: 'text/event-stream'}, signal}),
      )
      if (r.status === 410) {
        since = mark = ''
        h.onGap()
        continue
      }
      if (!r.ok || !r.body) throw new Error(`events: ${r.status}`)
      h.onState('live')
      if (wait > 1000) h.onGap()
      wait = 1000
      const parse = sseParser()
      const reader = r.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const {done, value} = await reader.read()
        if (done) break
        for (const m of parse(value)) {
          const data = m.data ? (JSON.parse(m.data) as Event & {code?: string}) : null
          if (m.id) since = m.id
          if (data?.mark) mark = data.mark
          if (data && (m.event === 'change' || m.event === 'alarm')) h.onEvent(data)
        }
      }
    } catch {
      if (signal.aborted) return
    }
    wait = Math.min(wait * 2, 15000)
    await pause(wait / 2, signal)
  }
}
