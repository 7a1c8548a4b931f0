/** One zoom and one place for several pictures: by wheel with Ctrl, two fingers, dragging, keys and buttons. */
import { useMemo, useRef, useState, type CSSProperties, type HTMLAttributes, type PointerEvent } from 'react';
import { IconButton } from '../../components/widgets';

/** Magnification, and the shift of the picture's middle as a share of its size. */
export interface View {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

const WHOLE: View = { scale: 1, x: 0, y: 0 };
const MOST = 8;

/** Kept so that the picture always fills its frame. */
export function bounded({ scale, x, y }: View): View {
  const s = Math.max(1, Math.min(MOST, scale));
  const room = (s - 1) / 2;
  // `+ 0` makes the zero of a negative limit a plain one.
  const limit = (v: number) => Math.max(-room, Math.min(room, v)) + 0;
  return { scale: s, x: limit(x), y: limit(y) };
}

/** Zooms by a factor so that the point (px, py), as a share from the middle of the frame, stays where it is. */
export function zoomAt(view: View, factor: number, px = 0, py = 0): View {
  const scale = Math.max(1, Math.min(MOST, view.scale * factor));
  const real = scale / view.scale;
  return bounded({ scale, x: px - (px - view.x) * real, y: py - (py - view.y) * real });
}

export interface PanZoom {
  readonly view: View;
  readonly change: (next: (view: View) => View) => void;
  /** For the moving content. */
  readonly style: CSSProperties;
  /** For the frame around it. */
  readonly bind: HTMLAttributes<HTMLElement> & { readonly ref: (element: HTMLElement | null) => () => void };
}

export function usePanZoom(): PanZoom {
  const [view, setView] = useState(WHOLE);
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const bind = useMemo<PanZoom['bind']>(() => {
    const place = (e: { clientX: number; clientY: number; currentTarget: Element }) => {
      const box = e.currentTarget.getBoundingClientRect();
      return {
        x: (e.clientX - box.left) / box.width - 0.5,
        y: (e.clientY - box.top) / box.height - 0.5,
      };
    };
    const spread = (all: { x: number; y: number }[]) =>
      Math.hypot(all[0]!.x - all[1]!.x, all[0]!.y - all[1]!.y) || 1e-3;
    const end = (e: PointerEvent) => pointers.current.delete(e.pointerId);
    /** React listens to wheels passively, and then the browser would zoom the whole page as well. */
    const listen = (element: HTMLElement | null) => {
      const wheel = (e: WheelEvent) => {
        // Without Ctrl the page scrolls, as everywhere.
        if (!e.ctrlKey && !e.metaKey) return;
        e.preventDefault();
        const { x, y } = place({ clientX: e.clientX, clientY: e.clientY, currentTarget: element! });
        setView((v) => zoomAt(v, Math.exp(-e.deltaY / 300), x, y));
      };
      element?.addEventListener('wheel', wheel, { passive: false });
      return () => element?.removeEventListener('wheel', wheel);
    };
    return {
      ref: listen,
      tabIndex: 0,
      role: 'group',
      'aria-label':
        'Zoom and place of all pictures: plus and minus keys zoom, arrow keys move, 0 shows the whole',
      onPointerDown: (e) => {
        pointers.current.set(e.pointerId, place(e));
        e.currentTarget.setPointerCapture(e.pointerId);
      },
      onPointerMove: (e) => {
        const before = pointers.current.get(e.pointerId);
        if (!before) return;
        const now = place(e);
        const old = [...pointers.current.values()];
        pointers.current.set(e.pointerId, now);
        if (old.length === 2) {
          const factor = spread([...pointers.current.values()]) / spread(old);
          setView((v) => zoomAt(v, factor, now.x, now.y));
        } else {
          setView((v) => bounded({ ...v, x: v.x + now.x - before.x, y: v.y + now.y - before.y }));
        }
      },
      onPointerUp: end,
      onPointerCancel: end,
      onDoubleClick: (e) => {
        const { x, y } = place(e);
        setView((v) => (v.scale > 1 ? WHOLE : zoomAt(v, 2.5, x, y)));
      },
      onKeyDown: (e) => {
        const step = 0.1;
        const moves: Record<string, (v: View) => View> = {
          '+': (v) => zoomAt(v, 1.25),
          '=': (v) => zoomAt(v, 1.25),
          '-': (v) => zoomAt(v, 0.8),
          '0': () => WHOLE,
          ArrowLeft: (v) => bounded({ ...v, x: v.x + step }),
          ArrowRight: (v) => bounded({ ...v, x: v.x - step }),
          ArrowUp: (v) => bounded({ ...v, y: v.y + step }),
          ArrowDown: (v) => bounded({ ...v, y: v.y - step }),
        };
        const move = moves[e.key];
        if (!move || e.ctrlKey || e.metaKey || e.altKey) return;
        e.preventDefault();
        e.stopPropagation();
        setView(move);
      },
    };
  }, []);
  const style: CSSProperties = {
    transform: `translate(${view.x * 100}%, ${view.y * 100}%) scale(${view.scale})`,
  };
  // A finger that can move the picture must not scroll the page instead.
  const touch: CSSProperties = { touchAction: view.scale > 1 ? 'none' : 'pan-y' };
  return { view, change: setView, style: { ...style, ...touch }, bind };
}

export function ZoomButtons({ panZoom: { view, change } }: { panZoom: PanZoom }) {
  return (
    <div className="zoom-buttons" role="group" aria-label="Zoom">
      <IconButton
        icon="zoomOut"
        label="Zoom out"
        isDisabled={view.scale <= 1}
        onPress={() => change((v) => zoomAt(v, 0.8))}
        testId="zoom-out"
      />
      <output className="zoom-value" data-testid="zoom">
        {Math.round(view.scale * 100)} %
      </output>
      <IconButton
        icon="zoomIn"
        label="Zoom in"
        isDisabled={view.scale >= MOST}
        onPress={() => change((v) => zoomAt(v, 1.25))}
        testId="zoom-in"
      />
    </div>
  );
}
