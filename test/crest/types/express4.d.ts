/** Express 4 comes in under another name, without types of its own; those of 5 fit what the tests use of it. */
declare module 'express4' {
  import express from 'express'

  export default express
}
