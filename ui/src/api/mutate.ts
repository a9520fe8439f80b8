// Changes: what every mutation is sent with, and what it answers.
import {ProblemError} from './problem'
import type {AccessDiff, CutConnection, Effects, Realization} from './types'

/** What of a request a change is sent with; the path and the body are the caller's. */
export interface SendOptions {
  query: {dry_run?: boolean; confirm?: 'open-egress'}
  header: {Prefer?: string; 'If-Match'?: string}
}

export type Send = (o: SendOptions) => Promise<{data?: unknown; error?: unknown; response: Response}>

export interface Preview {
  effects?: Effects
  access?: AccessDiff
  connections_cut?: {count: number; complete: boolean; unanswered: string[]; connections: CutConnection[]}
}

export interface Done {
  data: unknown
  revision: string
  hosts: number
  /** Hosts that have not applied it within the wait. */
  pending: Realization | null
}

const waitSeconds = 8

export async function preview(send: Send, etag: string | null, confirm: boolean): Promise<Preview> {
  return (await run(send, {query: {dry_run: true, ...confirmed(confirm)}, header: matching(etag)})).body as Preview
}

export async function apply(send: Send, etag: string | null, confirm: boolean): Promise<Done> {
  const {body, response} = await run(send, {query: confirmed(confirm), header: {Prefer: `wait=${waitSeconds}`, ...matching(etag)}})
  const outcome = body as {effects?: Effects; realization?: Realization} | undefined
  return {
    data: body,
    revision: response.headers.get('SG-Revision') ?? '',
    hosts: outcome?.effects?.hosts.length ?? 0,
    pending: response.status === 202 ? (outcome?.realization ?? null) : null,
  }
}

const confirmed = (yes: boolean) => (yes ? {confirm: 'open-egress' as const} : {})
const matching = (etag: string | null) => (etag ? {'If-Match': etag} : {})

async function run(send: Send, o: SendOptions) {
  const {data, error, response} = await send(o)
  if (!response.ok) {
    if (error && typeof error === 'object' && 'code' in error) throw new ProblemError(error as ProblemError['problem'], Number(response.headers.get('Retry-After')) || null)
    throw new ProblemError({title: response.statusText, status: response.status, code: 'internal-error', detail: `the server answered ${response.status}`})
  }
  return {body: data, response}
}
