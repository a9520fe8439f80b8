import {useMutation} from '@tanstack/react-query'
import {useEffect, useState} from 'react'
import {useLocation, useSearch} from 'wouter'

import {useAccountPage} from '../api/account'
import {answer, api} from '../api/client'
import {useNICs} from '../api/queries'
import type {Trace} from '../api/types'
import {Copy} from '../components/Copy'
import {Empty, Loading, PageHead} from '../components/Layout'
import {ProblemNote} from '../components/ProblemNote'
import {TraceFields} from '../components/TraceFields'
import {TraceResult} from '../components/TraceResult'
import {type TraceForm, traceFromQuery, traceQuery, traceWrite} from '../lib/trace'
import {trace as t} from '../texts'

/** What becomes of a packet, and why. The address of the page is the question. */
export function TracePage() {
  const {account} = useAccountPage()
  const search = useSearch()
  const [location, go] = useLocation()
  const nics = useNICs(account)
  const [form, setForm] = useState(() => traceFromQuery(search))
  const ask = useMutation({
    mutationFn: async (f: TraceForm) => {
      const made = await answer(api.POST('/v1/accounts/{account}/traces', {params: {path: {account}, header: {Prefer: 'wait=5'}}, body: traceWrite(f, nics.data?.items ?? [])}))
      return complete(account, made as Trace)
    },
  })
  const submit = (f: TraceForm) => {
    const q = traceQuery(f)
    if (q !== search) go(`${location}?${q}`, {replace: !search})
    ask.mutate(f)
  }
  // A link that was sent asks by itself, once the NICs are known; a probe it never sends.
  useEffect(() => {
    const asked = traceFromQuery(search)
    if (!nics.data || traceQuery(asked) === traceQuery(form) && !ask.isIdle) return
    setForm((f) => ({...asked, probe: f.probe && traceQuery(f) === traceQuery(asked)}))
    if (asked.from && asked.to) ask.mutate(asked)
    // eslint-disable-next-line
  }, [search, nics.data !== undefined])
  const link = search ? `${window.location.origin}${window.location.pathname}?${search}` : null
  return (
    <>
      <PageHead title={t.title} hint={t.hint}>
        {link && <Copy text={link} label={t.copyLink} />}
      </PageHead>
      <TraceFields form={form} nics={nics.data?.items ?? []} onChange={setForm} onSubmit={() => submit(form)} error={ask.error} busy={ask.isPending} />
      <ProblemNote error={ask.error} shown={['/source', '/source/nic', '/source/address', '/destination', '/destination/nic', '/destination/address', '/port', '/protocol']} />
      <div aria-live="polite" aria-busy={ask.isPending}>
        {ask.isPending ? (
          <Loading />
        ) : ask.data ? (
          <TraceResult trace={ask.data} nics={nics.data?.items ?? []} onAgain={() => submit({...form, probe: false})} />
        ) : (
          !ask.error && (
            <Empty title={t.emptyTitle}>
              <p>{t.empty}</p>
            </Empty>
          )
        )}
      </div>
    </>
  )
}

/** A host that is slow is asked again, for some seconds. */
async function complete(account: string, first: Trace): Promise<Trace> {
  let latest = first
  for (let i = 0; i < 10 && !latest.done; i++) {
    await new Promise((r) => setTimeout(r, 700))
    latest = (await answer(api.GET('/v1/accounts/{account}/traces/{trace}', {params: {path: {account, trace: first.id}}}))) as Trace
  }
  return latest
}
