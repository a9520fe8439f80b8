import {useState} from 'react'

import {shell as t} from '../texts'
import {Icon} from './Icon'

const themes = ['system', 'light', 'dark'] as const
type Theme = (typeof themes)[number]
const key = 'ringfence-theme'

function stored(): Theme {
  try {
    const v = localStorage.getItem(key)
    return themes.find((x) => x === v) ?? 'system'
  } catch {
    return 'system' // storage is forbidden
  }
}

export function applyTheme(theme: Theme = stored()) {
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

export function ThemeSwitch() {
  const [theme, setTheme] = useState(stored)
  const next = themes[(themes.indexOf(theme) + 1) % themes.length]!
  const change = () => {
    setTheme(next)
    applyTheme(next)
    try {
      localStorage.setItem(key, next)
    } catch {
      // not kept then
    }
  }
  return (
    <button className="quiet icon" onClick={change} aria-label={`${t.theme}: ${t.themes[theme]}`} title={`${t.theme}: ${t.themes[theme]}`}>
      <Icon name={theme === 'dark' ? 'moon' : theme === 'light' ? 'sun' : 'screen'} />
    </button>
  )
}
