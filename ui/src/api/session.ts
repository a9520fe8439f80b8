import {consoleHeader} from './client'
import {LostError, ProblemError} from './problem'

export interface Identity {
  name: string
  /** "*" is the platform's. */
  account: string
  role: 'admin' | 'member' | 'viewer'
}

/** An OpenID Connect issuer at which people sign in. */
export interface Issuer {
  name: string
  /** Where its own session is ended. */
  sign_out: string | null
}

export interface Session {
  identity: Identity | null
  sign_in: {token_file: string | null; issuer: Issuer | null}
  version: string
}

async function ask(init?: RequestInit, path = '/ui/session'): Promise<Response> {
  let r: Response
  try {
    r = await fetch(path, {...init, headers: {...consoleHeader, ...init?.headers}})
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

/** Where the browser is to go to sign in at the issuer; it comes back to the page then. */
export const beginSignIn = async (then: string): Promise<string> => {
  const r = await ask({method: 'POST', body: JSON.stringify({then}), headers: {'Content-Type': 'application/json'}}, '/ui/sign-in')
  return ((await r.json()) as {location: string}).location
}

/** Pages of the console at which a sign-in at the issuer begins anew, and ends in a window of its own. */
export const signInPage = '/ui/sign-in'
export const signedInPage = '/ui/signed-in'

/** Other windows of the console are told that somebody has signed in. */
export const signedInChannel = () => new BroadcastChannel('ringfence-signed-in')

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
