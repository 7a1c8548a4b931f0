/** Entry of the worker realm: everything that computes happens here, off the page's thread. */
import { expose } from 'comlink';
import { api } from './api';

expose(api);
