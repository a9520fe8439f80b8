import {useEffect, useState, type FormEvent} from 'react'
import {session, type Session} from './session'

// Console shows who is signed in, or asks for a token.
export function Console() {
  const [now, setNow] = useState<Session>()
  const [fault, setFault] = useState('')
  const told = (next: Promise<Session>) =>
    next.then(
      (s) => {
        setNow(s)
        setFault('')
      },
      (e: Error) => setFault(e.message),
    )
  useEffect(() => void told(session.read()), [])

  const signIn = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault()
    void told(session.begin(String(new FormData(e.currentTarget).get('token') ?? '')))
  }
  if (now?.identity) {
    return (
      <main>
        <h1>Ringfence</h1>
        <p>
          {now.identity.name}: {now.identity.role} of {now.identity.account === '*' ? 'all accounts' : now.identity.account}
        </p>
        <button onClick={() => void session.end().then(() => told(session.read()))}>Sign out</button>
      </main>
    )
  }
  return (
    <main>
      <h1>Ringfence</h1>
      <form onSubmit={signIn}>
        <label>
          Token <input name="token" type="password" autoComplete="off" required />
        </label>
        <button>Sign in</button>
      </form>
      {now?.sign_in.token_file && (
        <p>
          The token of this machine's admin is in <code>{now.sign_in.token_file}</code>.
        </p>
      )}
      {fault && <p role="alert">{fault}</p>}
    </main>
  )
}
