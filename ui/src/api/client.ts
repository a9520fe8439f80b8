// The one way to the API: same origin, the session's cookie, and a header that
// no other site can send.
import createClient from 'openapi-fetch'

import type {paths} from '../generated/schema'
import {serverHeard, serverLost} from './online'
import {LostError, ProblemError} from './problem'
import type {Page, Problem} from './types'

export const consoleHeader = {'X-Ringfence-Console': '1'}

/** Told of every 401: the token of the session is not valid any more. */
let onSignedOut: () => void = () => {}
export function whenSignedOut(f: () => void) {
  onSignedOut = f
}

export async function consoleFetch(input: Request): Promise<Response> {
  input.headers.set('X-Ringfence-Console', '1')
  let response: Response
  try {
    response = await fetch(input)
  } catch (e) {
    if (input.signal.aborted) throw e
    serverLost()
    throw new LostError(String(e))
  }
  serverHeard()
  if (response.status === 401) onSignedOut()
  return response
}

export const api = createClient<paths>({baseUrl: '/ui/api', fetch: consoleFetch})

interface Raw<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer; what is refused becomes a ProblemError. */
export async function answer<T>(call: Promise<Raw<T>>): Promise<T> {
  return (await answerWithETag(call)).data
}

/** The data of an answer with its ETag, which a change of it may name. */
export async function answerWithETag<T>(call: Promise<Raw<T>>): Promise<{data: T; etag: string | null}> {
  const {data, error, response} = await call
  if (!response.ok) throw problemOf(error, response)
  return {data: data as T, etag: response.headers.get('ETag')}
}

function problemOf(body: unknown, response: Response) {
  const after = Number(response.headers.get('Retry-After')) || null
  if (body && typeof body === 'object' && 'code' in body) return new ProblemError(body as Problem, after)
  return new ProblemError(
    {title: response.statusText || 'Refused', status: response.status, code: 'internal-error', detail: `the server answered ${response.status}`},
    after,
  )
}

/** All pages of a list, at one revision; at most max items. */
export async function collect<T>(page: (cursor: string | undefined) => Promise<Raw<unknown>>, max = 20000) {
  const items: T[] = []
  let cursor: string | undefined
  for (;;) {
    const p = (await answer(page(cursor))) as Page<T>
    items.push(...p.items)
    if (!p.next_cursor || items.length >= max) return {items, revision: p.revision, more: Boolean(p.next_cursor)}
    cursor = p.next_cursor
  }
}
