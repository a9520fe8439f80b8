import {type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId} from 'react'

interface Shared {
  label: ReactNode
  hint?: ReactNode
  error?: string
  narrow?: boolean
}

function Frame({label, hint, error, narrow, id, children}: Shared & {id: string; children: ReactNode}) {
  return (
    <div className={`field ${error ? 'wrong' : ''} ${narrow ? 'narrow' : ''}`}>
      <label htmlFor={id}>{label}</label>
      {children}
      {error && (
        <p className="fault" id={`${id}-error`}>
          {error}
        </p>
      )}
      {hint && !error && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

const describedBy = (id: string, p: Shared) => (p.error ? `${id}-error` : p.hint ? `${id}-hint` : undefined)

export function TextField({label, hint, error, narrow, options, ...input}: Shared & {options?: {value: string; label?: string}[]} & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId()
  const shared = {label, hint, error, narrow}
  return (
    <Frame {...shared} id={id}>
      <input
        type="text" autoComplete="off" spellCheck={false} {...input} id={id} aria-invalid={Boolean(error)} aria-describedby={describedBy(id, shared)}
        list={options ? `${id}-list` : undefined}
      />
      {options && (
        <datalist id={`${id}-list`}>
          {options.map((o) => (
            <option key={o.value} value={o.value}>
              {o.label}
            </option>
          ))}
        </datalist>
      )}
    </Frame>
  )
}

export function SelectField({label, hint, error, narrow, children, ...select}: Shared & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId()
  const shared = {label, hint, error, narrow}
  return (
    <Frame {...shared} id={id}>
      <select {...select} id={id} aria-invalid={Boolean(error)} aria-describedby={describedBy(id, shared)}>
        {children}
      </select>
    </Frame>
  )
}

/** A few choices beside each other, as radio buttons. */
export function Choice<T extends string>({label, value, options, onChange}: {label: string; value: T; options: [T, ReactNode][]; onChange: (v: T) => void}) {
  const name = useId()
  return (
    <fieldset className="choice">
      <legend>{label}</legend>
      <div>
        {options.map(([v, text]) => (
          <label key={v} className={v === value ? 'on' : ''}>
            <input type="radio" name={name} value={v} checked={v === value} onChange={() => onChange(v)} />
            {text}
          </label>
        ))}
      </div>
    </fieldset>
  )
}

export function CheckField({label, ...input}: {label: ReactNode} & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="check">
      <input type="checkbox" {...input} />
      <span>{label}</span>
    </label>
  )
}

/** The filter of a list; "/" goes there. */
export function SearchBox({value, onChange, label, placeholder}: {value: string; onChange: (v: string) => void; label: string; placeholder?: string}) {
  return (
    <input
      type="search" className="search" data-search value={value} onChange={(e) => onChange(e.target.value)} aria-label={label} placeholder={placeholder ?? label}
      autoComplete="off" spellCheck={false}
    />
  )
}
