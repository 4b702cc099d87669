import { bundle, OUT } from './spec/bundle.js'

await bundle()

export default {
  files: ['spec/**/*.spec.ts'],
  typescript: { rewritePaths: { 'spec/': OUT }, compile: false },
  nodeArguments: ['--enable-source-maps'],
  concurrency: 4,
  timeout: '10m',
}
