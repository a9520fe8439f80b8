import {type ReactNode, useEffect, useId, useRef} from 'react'

import {common as t} from '../texts'
import {Icon} from './Icon'

interface Props {
  title: string
  onClose: () => void
  children: ReactNode
  /** A panel at the right instead of a box in the middle. */
  side?: boolean
  wide?: boolean
}

/** The browser's own modal dialog: it keeps the focus, and Escape closes it. */
export function Dialog({title, onClose, children, side, wide}: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const d = ref.current!
    const before = document.activeElement
    if (!d.open) d.showModal()
    return () => {
      d.close()
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      className={`${side ? 'side' : ''} ${wide ? 'wide' : ''}`}
      aria-labelledby={id}
      onCancel={(e) => (e.preventDefault(), onClose())}
      // The browser closes it by itself on a second Escape; one that has to stay is opened again.
      onClose={() => {
        if (!ref.current) return // it is gone already
        onClose()
        setTimeout(() => ref.current?.isConnected && !ref.current.open && ref.current.showModal())
      }}
      onMouseDown={(e) => e.target === ref.current && onClose()}
    >
      <div className="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <button className="quiet icon" onClick={onClose} aria-label={t.close} title={t.close}>
            <Icon name="close" />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  )
}
