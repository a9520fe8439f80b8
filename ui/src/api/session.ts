import {consoleHeader} from './client'
import {LostError, ProblemError} from './problem'

export interface Identity {
  name: string
  /** "*" is the platform's. */
  account: string
  role: 'admin' | 'member' | 'viewer'
}

export interface Session {
  identity: Identity | null
  sign_in: {token_file: string | null}
  version: string
}

async function ask(init?: RequestInit): Promise<Response> {
  let r: Response
  try {
    r = await fetch('/ui/session', {...init, headers: {...consoleHeader, ...init?.headers}})
  } catch (e) {
    throw new LostError(String(e))
  }
  if (r.ok) return r
  const body = await r.json().catch(() => null)
  throw new ProblemError(body ?? {title: r.statusText, status: r.status, code: 'internal-error', detail: ''})
}

export const getSession = async (): Promise<Session> => (await ask()).json()

export const signIn = async (token: string): Promise<Session> =>
  (await ask({method: 'POST', body: JSON.stringify({token}), headers: {'Content-Type': 'application/json'}})).json()

export const signOut = async () => void (await ask({method: 'DELETE'}))

/** What a caller may do, so that no button is shown that would be refused. */
export function rightsOf(id: Identity) {
  const platform = id.account === '*'
  return {
    platform,
    write: id.role !== 'viewer',
    probe: id.role !== 'viewer',
    platformWrite: platform && id.role === 'admin',
  }
}
export type Rights = ReturnType<typeof rightsOf>
