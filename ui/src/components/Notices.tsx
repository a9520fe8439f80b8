import {useEffect, useSyncExternalStore} from 'react'

import {common as t} from '../texts'
import {Icon} from './Icon'

interface Notice {
  id: number
  text: string
  tone: 'allow' | 'warn'
}

let notices: Notice[] = []
let next = 0
const listeners = new Set<() => void>()

function set(list: Notice[]) {
  notices = list
  listeners.forEach((f) => f())
}

/** Says for a few seconds what came of something, wherever the reader is by then. */
export function notify(text: string, tone: Notice['tone'] = 'allow') {
  set([...notices.slice(-2), {id: next++, text, tone}])
}

export function Notices() {
  const list = useSyncExternalStore((f) => (listeners.add(f), () => listeners.delete(f)), () => notices)
  return (
    <div className="notices" role="status" aria-live="polite">
      {list.map((n) => (
        <Shown key={n.id} notice={n} />
      ))}
    </div>
  )
}

function Shown({notice}: {notice: Notice}) {
  const remove = () => set(notices.filter((n) => n.id !== notice.id))
  useEffect(() => {
    const timer = setTimeout(() => set(notices.filter((n) => n.id !== notice.id)), 8000)
    return () => clearTimeout(timer)
  }, [notice.id])
  return (
    <p className={`notice ${notice.tone}`}>
      <Icon name={notice.tone === 'allow' ? 'check' : 'warn'} />
      {notice.text}
      <button className="quiet icon" onClick={remove} aria-label={t.close}>
        <Icon name="close" />
      </button>
    </p>
  )
}
