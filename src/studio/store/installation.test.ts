import { expect, it, vi } from 'vitest';
import { Installation, type InstallationParts, type Register } from './installation';

function setUp(change: Partial<InstallationParts> = {}) {
  let options: Parameters<Register>[0] | undefined;
  let switchTo: () => void = () => undefined;
  const switched = vi.fn(async () => undefined);
  const reload = vi.fn();
  const installation = new Installation({
    supported: true,
    register: (given) => {
      options = given;
      return switched;
    },
    onSwitch: (callback) => (switchTo = callback),
    active: async () => undefined,
    keepRest: async () => true,
    reload,
    ...change,
  });
  const registration = { update: async () => undefined } as unknown as ServiceWorkerRegistration;
  return {
    installation,
    state: () => installation.store.getState(),
    options: () => options!,
    switchTo: () => switchTo(),
    switched,
    reload,
    registration,
  };
}

it('is ready for offline once the worker is at work and the rest is kept', async () => {
  const { options, state, registration } = setUp();
  expect(state().offline).toBe('preparing');
  options().onRegisteredSW('sw.js', registration);
  await vi.waitFor(() => expect(state().offline).toBe('ready'));
});

it('says when it is not', async () => {
  const incomplete = setUp({ keepRest: async () => false });
  incomplete.options().onRegisteredSW('sw.js', incomplete.registration);
  await vi.waitFor(() => expect(incomplete.state().offline).toBe('failed'));

  const refused = setUp();
  refused.options().onRegisteredSW('sw.js', undefined);
  expect(refused.state().offline).toBe('failed');

  const without = setUp({ supported: false });
  expect(without.state().offline).toBe('none');
  expect(without.options()).toBeUndefined();
});

it('a new release waits until the person agrees', async () => {
  const { installation, options, state, switched, reload, switchTo } = setUp();
  options().onNeedRefresh();
  expect(state().update).toBe('waiting');
  expect(switched).not.toHaveBeenCalled();
  await installation.agree();
  expect(switched).toHaveBeenCalledOnce();
  switchTo();
  expect(reload).toHaveBeenCalledOnce();
});

it('a switch made in another tab does not reload this one', async () => {
  const { installation, options, state, reload, switchTo } = setUp();
  options().onNeedRefresh();
  installation.later();
  expect(state().update).toBe('none');
  switchTo();
  expect(state().update).toBe('elsewhere');
  expect(reload).not.toHaveBeenCalled();
  await installation.agree();
  expect(reload).toHaveBeenCalledOnce();
});
