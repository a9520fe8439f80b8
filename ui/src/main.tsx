import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/pages.css'
import './styles/picture.css'

import {QueryClient, QueryClientProvider} from '@tanstack/react-query'
import {createRoot} from 'react-dom/client'
import {Router} from 'wouter'

import {LostError} from './api/problem'
import {App} from './app'
import {applyTheme} from './components/Theme'

applyTheme()

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      networkMode: 'always',
      refetchOnWindowFocus: true,
      retry: (n, error) => error instanceof LostError && n < 3,
    },
    mutations: {retry: false, networkMode: 'always'},
  },
})

createRoot(document.getElementById('root')!).render(
  <QueryClientProvider client={queries}>
    <Router base="/ui">
      <App />
    </Router>
  </QueryClientProvider>,
)
