/** How the key of a shortcut is printed, the person's own choice included: for tooltips and buttons. */
import { usePreference } from '../context';
import { keysOf, printKey, type Shortcut } from './shortcuts';

export function useKeyName(table: readonly Shortcut[], id: string): string {
  const [own] = usePreference('keys');
  const shortcut = table.find((s) => s.id === id);
  const key = shortcut && keysOf(shortcut, own)[0];
  return key === undefined ? '' : printKey(key);
}
