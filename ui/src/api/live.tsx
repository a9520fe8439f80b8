// What is observed of an account while somebody looks: its events, and, while
// a page asks for them, drops and connections. It is kept over the pages of the
// account, for at most an hour, and says since when it was gathered.
import {useQueryClient} from '@tanstack/react-query'
import {createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState} from 'react'

import {addDrops, type DropLog, emptyDropLog} from '../lib/drops'
import {answer, api} from './client'
import {followEvents, type StreamState} from './events'
import {ProblemError} from './problem'
import type {Alarm, Connection, Event, HostAnswer} from './types'

export interface SeenEvent {
  at: Date
  event: Event
}

interface Live {
  account: string
  stream: StreamState
  events: SeenEvent[]
  alarms: (Alarm & {at: Date})[]
  drops: DropLog
  dropHosts: HostAnswer[]
  /** Since when drops are looked for without a gap; null if nobody has yet. */
  dropsSince: Date | null
  connections: Connection[]
  connectionHosts: HostAnswer[]
  error: unknown
}

interface Control {
  /** Asks for observation until the returned function is called. */
  watch: (what: 'drops' | 'connections') => () => void
  clearDrops: () => void
}

const Context = createContext<(Live & Control) | null>(null)

export function useLive() {
  const live = useContext(Context)
  if (!live) throw new Error('useLive outside of an account')
  return live
}

/** Has drops or connections observed while the component is there. */
export function useWatch(what: 'drops' | 'connections', enabled = true) {
  const {watch} = useLive()
  useEffect(() => (enabled ? watch(what) : undefined), [watch, what, enabled])
}

function fresh(account: string): Live {
  return {
    account, stream: 'connecting', events: [], alarms: [], drops: emptyDropLog, dropHosts: [], dropsSince: null, connections: [], connectionHosts: [], error: null,
  }
}

export function LiveProvider({account, children}: {account: string; children: ReactNode}) {
  const queries = useQueryClient()
  const [live, setLive] = useState(() => fresh(account))
  const [wanted, setWanted] = useState({drops: 0, connections: 0})
  const patch = useRef((f: (l: Live) => Partial<Live>) => setLive((l) => ({...l, ...f(l)}))).current

  useEffect(() => {
    const stop = new AbortController()
    const stale = debounce(() => {
      void queries.invalidateQueries({queryKey: [account]})
      void queries.invalidateQueries({queryKey: ['platform', 'realization']})
    }, 150)
    void followEvents(account, {
      onEvent: (event) => {
        const at = new Date()
        patch((l) => ({
          events: [{at, event}, ...l.events].slice(0, 200),
          alarms: [...(event.alarms ?? []).map((a) => ({...a, at})), ...l.alarms].slice(0, 50),
        }))
        if (event.changes.length) stale()
      },
      onGap: stale,
      onState: (stream) => patch(() => ({stream})),
    }, stop.signal)
    return () => stop.abort()
  }, [account, queries, patch])

  usePoll(wanted.drops > 0, async (signal, state: {since?: string}) => {
    const list = await answer(api.GET('/v1/accounts/{account}/drops', {params: {path: {account}, query: {wait: '5s', limit: 1000, since: state.since}}, signal}))
    state.since = list.until ?? state.since
    const now = new Date()
    patch((l) => {
      return {drops: addDrops(l.drops, list).log, dropHosts: list.hosts, dropsSince: l.dropsSince ?? now, error: null}
    })
    return 500
  }, (error) => patch(() => ({error})))

  usePoll(wanted.connections > 0, async (signal) => {
    const list = await answer(api.GET('/v1/accounts/{account}/connections', {params: {path: {account}, query: {limit: 1000}}, signal}))
    patch(() => ({connections: list.items, connectionHosts: list.hosts, error: null}))
    return 4000
  }, (error) => patch(() => ({error})))

  const control = useMemo<Control>(() => ({
    watch: (what) => {
      setWanted((w) => ({...w, [what]: w[what] + 1}))
      return () => setWanted((w) => ({...w, [what]: w[what] - 1}))
    },
    clearDrops: () => patch((l) => ({drops: {rows: [], told: l.drops.told}})),
  }), [patch])
  const value = useMemo(() => ({...live, ...control}), [live, control])
  return <Context.Provider value={value}>{children}</Context.Provider>
}

/** Calls step again and again while it is enabled; step returns the milliseconds to wait. */
function usePoll<S extends object>(enabled: boolean, step: (signal: AbortSignal, state: S) => Promise<number>, onError: (e: unknown) => void) {
  const latest = useRef({step, onError})
  latest.current = {step, onError}
  useEffect(() => {
    if (!enabled) return
    const stop = new AbortController()
    const state = {} as S
    let timer: ReturnType<typeof setTimeout>
    const run = async () => {
      let wait: number
      try {
        wait = await latest.current.step(stop.signal, state)
      } catch (e) {
        if (stop.signal.aborted) return
        latest.current.onError(e)
        wait = e instanceof ProblemError && e.retryAfter ? e.retryAfter * 1000 : 4000
      }
      if (!stop.signal.aborted) timer = setTimeout(run, wait)
    }
    void run()
    return () => (stop.abort(), clearTimeout(timer))
  }, [enabled])
}

function debounce(f: () => void, ms: number) {
  let timer: ReturnType<typeof setTimeout> | undefined
  return () => {
    clearTimeout(timer)
    timer = setTimeout(f, ms)
  }
}
