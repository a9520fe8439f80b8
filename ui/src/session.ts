// The session that the server keeps in a cookie which scripts cannot read.
export type Identity = {name: string; account: string; role: 'admin' | 'member' | 'viewer'}
export type Session = {identity: Identity | null; sign_in: {token_file: string | null}; version: string}

async function call(method: string, body?: unknown): Promise<Session> {
  const answer = await fetch('/ui/session', {
    method,
    headers: {'X-Ringfence-Console': '1', ...(body === undefined ? {} : {'Content-Type': 'application/json'})},
    ...(body === undefined ? {} : {body: JSON.stringify(body)}),
  })
  if (!answer.ok) {
    const problem = (await answer.json()) as {detail?: string; title?: string}
    throw new Error(problem.detail ?? problem.title ?? `status ${answer.status}`)
  }
  return answer.status === 204 ? {identity: null, sign_in: {token_file: null}, version: ''} : ((await answer.json()) as Session)
}

export const session = {
  read: () => call('GET'),
  begin: (token: string) => call('POST', {token}),
  end: () => call('DELETE'),
}
