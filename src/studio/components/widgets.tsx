/** The page's small controls: react-aria-components with our own looks. */
import type { ReactNode } from 'react';
import {
  Button as AriaButton,
  Dialog,
  DialogTrigger,
  Disclosure as AriaDisclosure,
  DisclosurePanel,
  FieldError,
  Group,
  Heading,
  Input,
  Label,
  Modal,
  ModalOverlay,
  NumberField as AriaNumberField,
  Radio,
  RadioGroup,
  Switch as AriaSwitch,
  Tooltip,
  TooltipTrigger,
  type ButtonProps as AriaButtonProps,
} from 'react-aria-components';
import { Icon, type IconName } from './Icon';

interface ButtonProps extends Omit<AriaButtonProps, 'className' | 'style'> {
  kind?: 'primary' | 'plain' | 'quiet';
  icon?: IconName;
  testId?: string;
  children: ReactNode;
}

export function Button({ kind = 'plain', icon, testId, children, ...rest }: ButtonProps) {
  return (
    <AriaButton {...rest} className={`button button-${kind}`} data-testid={testId}>
      {icon && <Icon name={icon} />}
      {children}
    </AriaButton>
  );
}

interface IconButtonProps extends Omit<AriaButtonProps, 'className' | 'style' | 'children'> {
  icon: IconName;
  /** The accessible name, shown as a tooltip. */
  label: string;
  /** Key that does the same, shown in the tooltip. */
  hotkey?: string;
  /** Makes it a toggle. */
  pressed?: boolean;
  testId?: string;
}

export function IconButton({ icon, label, hotkey, pressed, testId, ...rest }: IconButtonProps) {
  return (
    <TooltipTrigger delay={500}>
      <AriaButton
        {...rest}
        className="icon-button"
        aria-label={label}
        aria-pressed={pressed}
        data-testid={testId}
      >
        <Icon name={icon} />
      </AriaButton>
      <Tooltip className="tooltip">
        {label}
        {hotkey && <kbd>{hotkey}</kbd>}
      </Tooltip>
    </TooltipTrigger>
  );
}

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
  /** A longer name where the label is short; it contains the label, so that it can be called by what is seen. */
  readonly name?: string;
  readonly disabled?: boolean;
  /** Id of the control (see `controls.ts`) that is on the page only while this is chosen. */
  readonly reveals?: string;
}

interface SegmentedProps<T extends string> {
  label: string;
  /** Show the label above; otherwise it is for assistive technology only. */
  showLabel?: boolean;
  choices: readonly Choice<T>[];
  value: T;
  onChange: (value: T) => void;
  disabled?: boolean;
  testId?: string;
}

/** One of a few, all visible: a radio group in one row. */
export function Segmented<T extends string>(props: SegmentedProps<T>) {
  const { label, showLabel = false, choices, value, onChange, disabled = false, testId } = props;
  return (
    <RadioGroup
      className="segmented-field"
      value={value}
      onChange={(v) => onChange(v as T)}
      orientation="horizontal"
      isDisabled={disabled}
      aria-label={showLabel ? undefined : label}
      data-testid={testId}
    >
      {showLabel && <Label className="field-label">{label}</Label>}
      <div className="segmented">
        {choices.map((c) => (
          <Radio
            key={c.value}
            value={c.value}
            className="segment"
            isDisabled={c.disabled ?? false}
            aria-label={c.name ?? c.label}
            data-reveals={c.reveals}
            data-testid={testId && `${testId}-${c.value}`}
          >
            {c.label}
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}

interface NumberBoxProps {
  label: string;
  value: number;
  onChange: (value: number) => void;
  min: number;
  max: number;
  step?: number;
  digits?: number;
  hint?: string;
  /** Without − and + beside it. */
  bare?: boolean;
  disabled?: boolean;
  testId?: string;
}

/** A number typed or stepped; takes effect when the field is left or Enter is pressed. */
export function NumberBox(props: NumberBoxProps) {
  const {
    label,
    value,
    onChange,
    min,
    max,
    step = 1,
    digits = 0,
    bare = false,
    disabled = false,
    testId,
  } = props;
  return (
    <AriaNumberField
      className="field"
      value={value}
      onChange={(v) => {
        if (Number.isFinite(v)) onChange(v);
      }}
      minValue={min}
      maxValue={max}
      step={step}
      formatOptions={{ useGrouping: false, maximumFractionDigits: digits }}
      isDisabled={disabled}
    >
      <Label className="field-label">{label}</Label>
      <Group className="number-box">
        <Input className="number-input" data-testid={testId} />
        {!bare && (
          <>
            <AriaButton slot="decrement" className="number-step">
              <Icon name="minus" size={14} />
            </AriaButton>
            <AriaButton slot="increment" className="number-step">
              <Icon name="plus" size={14} />
            </AriaButton>
          </>
        )}
      </Group>
      <FieldError className="field-error" />
      {props.hint && <span className="field-hint">{props.hint}</span>}
    </AriaNumberField>
  );
}

interface SelectBoxProps<T extends string> {
  label: string;
  choices: readonly Choice<T>[];
  value: T;
  onChange: (value: T) => void;
  disabled?: boolean;
  /** The label is for assistive technology only. */
  compact?: boolean;
  testId?: string;
}

/** A native menu: the one that every platform and screen reader already knows. */
export function SelectBox<T extends string>(props: SelectBoxProps<T>) {
  const { label, choices, value, onChange, disabled = false, compact = false, testId } = props;
  return (
    <label className={compact ? 'field field-compact' : 'field'}>
      <span className={compact ? 'visually-hidden' : 'field-label'}>{label}</span>
      <span className="select-box">
        <select
          value={value}
          disabled={disabled}
          data-testid={testId}
          onChange={(e) => onChange(e.currentTarget.value as T)}
        >
          {choices.map((c) => (
            <option key={c.value} value={c.value} disabled={c.disabled}>
              {c.label}
            </option>
          ))}
        </select>
        <Icon name="chevron" size={14} />
      </span>
    </label>
  );
}

interface SwitchProps {
  label: string;
  value: boolean;
  onChange: (value: boolean) => void;
  disabled?: boolean;
  testId?: string;
}

export function Switch({ label, value, onChange, disabled = false, testId }: SwitchProps) {
  return (
    <AriaSwitch
      className="switch"
      isSelected={value}
      onChange={onChange}
      isDisabled={disabled}
      data-testid={testId}
    >
      <span className="switch-track" aria-hidden="true" />
      {label}
    </AriaSwitch>
  );
}

interface DisclosureProps {
  title: string;
  children: ReactNode;
  openAtFirst?: boolean;
  testId?: string;
}

export function Disclosure({ title, children, openAtFirst = false, testId }: DisclosureProps) {
  return (
    <AriaDisclosure className="disclosure" defaultExpanded={openAtFirst}>
      <Heading className="disclosure-heading">
        <AriaButton slot="trigger" className="disclosure-trigger" data-testid={testId}>
          <Icon name="chevron" size={14} />
          {title}
        </AriaButton>
      </Heading>
      <DisclosurePanel className="disclosure-panel">{children}</DisclosurePanel>
    </AriaDisclosure>
  );
}

/** A table that may be wider than its place; the keyboard can scroll it too. */
export function TableScroll({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="table-scroll" role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}

interface DialogBoxProps {
  title: string;
  /** The button that opens it; left out when it is opened from elsewhere. */
  trigger?: ReactNode;
  open?: boolean;
  onOpenChange?: (open: boolean) => void;
  children: ReactNode;
  /** For tables and charts. */
  wide?: boolean;
  testId?: string;
}

export function DialogBox(props: DialogBoxProps) {
  const { title, trigger, open, onOpenChange, children, wide = false, testId } = props;
  const overlay = (
    <ModalOverlay className="overlay" isDismissable isOpen={open} onOpenChange={onOpenChange}>
      <Modal className={wide ? 'modal modal-wide' : 'modal'}>
        <Dialog className="dialog" data-testid={testId}>
          {({ close }) => (
            <>
              <header className="dialog-head">
                <Heading slot="title">{title}</Heading>
                <IconButton icon="close" label="Close" onPress={close} />
              </header>
              <div className="dialog-body">{children}</div>
            </>
          )}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
  if (!trigger) return overlay;
  return (
    <DialogTrigger isOpen={open} onOpenChange={onOpenChange}>
      {trigger}
      {overlay}
    </DialogTrigger>
  );
}
